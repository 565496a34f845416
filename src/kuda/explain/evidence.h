#pragma once
// The ways to say which modality leads. No LibTorch.
//
//   PerEvidence<std::optional<Modality>> leading;
//   for (const auto evidence : kEvidence) use(evidence_name(evidence), leading[evidence]);

#include <array>
#include <cstddef>

namespace kuda {

/// Whose own score is nearest to the score; with the largest share of the fusion; whose removal changes the score most;
/// with the largest ratio.
enum class Evidence { unimodal, share, removal, ratio };
constexpr auto value_names(Evidence) { return std::array{"unimodal", "share", "removal", "ratio"}; }
inline constexpr std::array<Evidence, 4> kEvidence{Evidence::unimodal, Evidence::share, Evidence::removal,
                                                   Evidence::ratio};
[[nodiscard]] constexpr const char* evidence_name(Evidence evidence) noexcept {
  return value_names(evidence)[static_cast<std::size_t>(evidence)];
}

template <class T>
struct PerEvidence {
  std::array<T, kEvidence.size()> values{};
  [[nodiscard]] T& operator[](Evidence evidence) noexcept { return values[static_cast<std::size_t>(evidence)]; }
  [[nodiscard]] const T& operator[](Evidence evidence) const noexcept {
    return values[static_cast<std::size_t>(evidence)];
  }
};

}  // namespace kuda

#pragma once
// The three modalities, their order and their names. No LibTorch.

#include <array>
#include <string_view>

namespace kuda {

enum class Modality { text = 0, vision = 1, audio = 2 };
inline constexpr std::array<Modality, 3> kModalities{Modality::text, Modality::vision, Modality::audio};
[[nodiscard]] char letter(Modality modality) noexcept;                     ///< 'T', 'V', 'A'
[[nodiscard]] std::string_view modality_name(Modality modality) noexcept;  ///< "text", "vision", "audio"
[[nodiscard]] Modality modality_from(std::string_view name);               ///< name or letter; throws ConfigError

}  // namespace kuda

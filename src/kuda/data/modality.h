#pragma once
// The three modalities, their order and their names; one value for each. No LibTorch.
//
//   PerModality<bool> present{true, true, false};
//   for (const auto modality : kModalities)
//     if (present[modality]) use(modality_name(modality));      // or by name: present.vision

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace kuda {

enum class Modality { text = 0, vision = 1, audio = 2 };
constexpr auto value_names(Modality) { return std::array{"text", "vision", "audio"}; }
inline constexpr std::array<Modality, 3> kModalities{Modality::text, Modality::vision, Modality::audio};
[[nodiscard]] char letter(Modality modality) noexcept;                     ///< 'T', 'V', 'A'
[[nodiscard]] std::string_view modality_name(Modality modality) noexcept;  ///< "text", "vision", "audio"
[[nodiscard]] Modality modality_from(std::string_view name);               ///< name or letter; throws ConfigError

/// Of three things that of `modality`: the one place that says which is whose.
template <class T>
[[nodiscard]] constexpr T& of_modality(Modality modality, T& text, T& vision, T& audio) noexcept {
  return modality == Modality::text ? text : modality == Modality::vision ? vision : audio;
}

/// Walks the values of a PerModality in the order of kModalities.
template <class Owner, class Value>
class PerModalityIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_const_t<Value>;
  using difference_type = std::ptrdiff_t;
  using pointer = Value*;
  using reference = Value&;

  constexpr PerModalityIterator() = default;
  constexpr PerModalityIterator(Owner* owner, std::size_t position) : owner_(owner), position_(position) {}
  constexpr reference operator*() const { return (*owner_)[kModalities[position_]]; }
  constexpr pointer operator->() const { return &**this; }
  constexpr PerModalityIterator& operator++() {
    ++position_;
    return *this;
  }
  constexpr PerModalityIterator operator++(int) { return {owner_, position_++}; }
  constexpr bool operator==(const PerModalityIterator&) const = default;

 private:
  Owner* owner_ = nullptr;
  std::size_t position_ = 0;
};

template <class T>
struct PerModality {
  T text{}, vision{}, audio{};

  using value_type = T;
  using iterator = PerModalityIterator<PerModality, T>;
  using const_iterator = PerModalityIterator<const PerModality, const T>;
  [[nodiscard]] constexpr T& operator[](Modality modality) noexcept {
    return of_modality(modality, text, vision, audio);
  }
  [[nodiscard]] constexpr const T& operator[](Modality modality) const noexcept {
    return of_modality(modality, text, vision, audio);
  }
  [[nodiscard]] constexpr iterator begin() noexcept { return {this, 0}; }
  [[nodiscard]] constexpr iterator end() noexcept { return {this, kModalities.size()}; }
  [[nodiscard]] constexpr const_iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] constexpr const_iterator end() const noexcept { return {this, kModalities.size()}; }
  [[nodiscard]] bool operator==(const PerModality&) const = default;
};

}  // namespace kuda

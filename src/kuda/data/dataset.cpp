#include "kuda/data/dataset.h"

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/data/frames_in_file.h"

namespace kuda {

namespace {

constexpr PerModality<char> kLetters{'T', 'V', 'A'};

}  // namespace

char letter(Modality modality) noexcept { return kLetters[modality]; }
std::string_view modality_name(Modality modality) noexcept { return name_of(modality); }

Modality modality_from(std::string_view name) {
  for (const Modality modality : kModalities)
    if (name == name_of(modality) || name == std::string(1, letter(modality))) return modality;
  throw ConfigError("unknown modality '" + std::string(name) + "'",
                    suggestion(name, {"text", "vision", "audio", "T", "V", "A"}));
}

std::string_view split_name(Split split) noexcept { return name_of(split); }

Split split_from(std::string_view name) { return value_of<Split>(name, "split"); }

torch::Tensor Feature::clip(std::int64_t row) const {
  if (const auto* in_file = FramesInFile::of(values)) return in_file->clip(*this, row);
  const auto i = static_cast<std::size_t>(row);
  return values.slice(0, offsets.at(i), offsets.at(i + 1));
}

std::vector<std::int64_t> Dataset::rows(Split split) const {
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < clips.size(); ++i)
    if (clips[i].split == split) found.push_back(static_cast<std::int64_t>(i));
  return found;
}

bool Dataset::has_unimodal_labels(Modality modality) const {
  bool any = false;
  for (const Clip& clip : clips) {
    if (clip.split != Split::train) continue;
    if (std::isnan(clip.unimodal_labels[modality])) return false;
    any = true;
  }
  return any;
}

std::int64_t rows_before_words(const Dataset& data) {
  if (!data.is_aligned || !data.text_bert.defined() || data.text_bert.numel() == 0) return 0;
  const auto first = data.text_bert.select(2, 0).select(1, 0);  // [N]
  return first[0].item<std::int64_t>() != 0 && first.eq(first[0]).all().item<bool>() ? 1 : 0;
}

}  // namespace kuda

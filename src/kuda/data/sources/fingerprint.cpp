#include "kuda/data/sources/fingerprint.h"

#include <cmath>
#include <cstring>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/frames_in_file.h"

namespace kuda {
namespace {

/// With its length in front, so that no two lists of fields give the same bytes.
void append_field(std::string& text, std::string_view field) {
  text += std::to_string(field.size());
  text += ':';
  text += field;
}

void append_number(std::string& text, float value) {
  if (std::isnan(value)) value = kUnknown;  // NaN has many bit patterns, "unknown" has one
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  text.append(bytes, sizeof bytes);
}

std::string digest_of(const torch::Tensor& tensor) {
  const auto contiguous = tensor.contiguous();
  return sha256({static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes()});
}

std::string digest_of(const std::vector<std::int64_t>& numbers) { return sha256(std::as_bytes(std::span(numbers))); }

void append_feature(std::string& text, std::string_view name, const Feature& feature, const std::string& values) {
  append_field(text, name);
  append_field(text, std::to_string(feature.width()));
  append_field(text, std::to_string(feature.padded_length));
  text += digest_of(feature.offsets) + digest_of(feature.lengths) + values;
}

}  // namespace

std::string clips_digest(const Dataset& dataset) {
  std::string all;
  for (const Clip& clip : dataset.clips) {
    append_field(all, clip.video_id);
    append_field(all, clip.clip_id);
    append_field(all, split_name(clip.split));
    append_field(all, clip.text);
    append_number(all, clip.label);
    for (const float label : clip.unimodal_labels) append_number(all, label);
  }
  return sha256(all);
}

std::string features_digest(const Dataset& dataset, const PerModality<std::string>& values) {
  std::string all;
  for (const Modality modality : kModalities)
    if (const auto& feature = dataset.feature(modality))
      append_feature(all, modality_name(modality), *feature, values[modality]);
  if (dataset.text_bert.defined()) {
    append_field(all, "text_bert");
    append_field(all, std::to_string(dataset.text_bert.size(2)));
    all += digest_of(dataset.text_bert);
  }
  return sha256(all);
}

std::string features_digest(const Dataset& dataset) {
  PerModality<std::string> values;
  for (const Modality modality : kModalities)
    if (const auto& feature = dataset.feature(modality)) values[modality] = digest_of(packed(*feature));
  return features_digest(dataset, values);
}

std::string fingerprint_of(const Dataset& dataset) {
  if (dataset.features_digest.empty()) throw Error("fingerprint: the features have no digest yet");
  return sha256("kuda data set 1\n" + clips_digest(dataset) + "\n" + dataset.features_digest + "\n");
}

}  // namespace kuda

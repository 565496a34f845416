#include "kuda/data/sources/planned_dataset.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/io/packed_file.h"

namespace kuda {
namespace {

std::string key(Modality modality, const char* what) { return std::string(modality_name(modality)) + "/" + what; }

std::map<std::string, io::ArraySpec> layout_of(const PlannedDataset& planned) {
  std::map<std::string, io::ArraySpec> layout;
  const auto rows = std::int64_t(planned.dataset().clips.size());
  for (const Modality modality : kModalities) {
    const auto& plan = planned.plans()[modality];
    if (!plan) continue;
    layout[key(modality, "values")] = {io::DType::f32, {plan->num_frames(), plan->width}};
    layout[key(modality, "offsets")] = {io::DType::i64, {rows + 1}};
    layout[key(modality, "lengths")] = {io::DType::i64, {rows}};
  }
  if (rows > 0) layout[kIdDigests] = {io::DType::i64, {rows}};
  if (planned.dataset().text_bert.defined())
    layout["text_bert"] = {io::DType::i32, planned.dataset().text_bert.sizes().vec()};
  return layout;
}

void copy_numbers(io::PackedFile& file, const std::string& name, const std::vector<std::int64_t>& numbers) {
  std::memcpy(file.data(name), numbers.data(), numbers.size() * sizeof(std::int64_t));
}

}  // namespace

Dataset PlannedDataset::finish(const DataFacts& facts, const Place& place, const BytesWritten& written) {
  for (const Modality modality : kModalities)
    if (!facts.extractor[modality].empty() && !plans_[modality])
      throw UsageError(fmt::format("--{}-extractor: the source has no such feature", modality_name(modality)));
  PerModality<std::string> digests;
  for (const Modality modality : kModalities) {
    const auto& plan = plans_[modality];
    if (!plan) continue;
    Feature feature = empty_feature(*plan);
    feature.values = place(modality, *plan);
    const auto counts = fill(modality, *plan, feature.values.data_ptr<float>(), written);
    digests[modality] = counts.digest;
    learn(modality, counts, feature);
    dataset_.feature(modality) = std::move(feature);
  }
  close(facts, digests);
  return std::move(dataset_);
}

void PlannedDataset::learn(Modality modality, const PackCounts& counts, Feature& feature) const {
  feature.finite = counts.not_finite.total() + counts.beyond_float32 == 0 ? Finite::yes : Finite::no;
  if (counts.beyond_float32 > 0)
    log_warning(
        "{}: {} numbers are too large for float32 and become infinite (first: {}, {}); the cleaning policy "
        "decides about them",
        modality_name(modality), counts.beyond_float32, dataset_.clips[std::size_t(counts.first_beyond)].id(),
        counts.first_beyond_value);
  warn_about(modality, feature, counts);
}

void PlannedDataset::close(const DataFacts& facts, const PerModality<std::string>& digests) {
  complete(facts);
  for (const Modality modality : kModalities)
    if (!facts.extractor[modality].empty()) dataset_.feature(modality)->extractor = facts.extractor[modality];
  dataset_.features_digest = features_digest(dataset_, digests);
  dataset_.fingerprint = fingerprint_of(dataset_);
}

torch::Tensor in_memory(Modality /*modality*/, const PackPlan& plan) {
  return torch::empty({plan.num_frames(), plan.width}, torch::kFloat32);
}

void import_planned(PlannedDataset& planned, PreparedFolder& folder, const DataFacts& facts) {
  io::PackedFile packed(folder.features(), layout_of(planned));
  for (const Modality modality : kModalities) {
    const auto& plan = planned.plans()[modality];
    if (!plan) continue;
    copy_numbers(packed, key(modality, "offsets"), plan->offsets);
    copy_numbers(packed, key(modality, "lengths"), plan->lengths);
  }
  const auto& clips = planned.dataset().clips;
  if (!clips.empty()) copy_numbers(packed, kIdDigests, id_digests(clips));
  if (const auto repeated = repeated_ids(clips); !repeated.empty())
    log_warning("{}: {} clips have the id of another clip, and training refuses such data: {}",
                planned.dataset().source, repeated.size(), clips_of_id(clips, repeated.front()));
  if (const auto& tokens = planned.dataset().text_bert; tokens.defined())
    std::memcpy(packed.data("text_bert"), tokens.const_data_ptr(), tokens.nbytes());
  const auto place = [&](Modality modality, const PackPlan& plan) {
    return torch::from_blob(packed.data(key(modality, "values")), {plan.num_frames(), plan.width}, torch::kFloat32);
  };
  const auto written = [&](const void* first, const void* last) { packed.give_back(first, last); };
  const Dataset dataset = planned.finish(facts, place, written);
  packed.sync();
  folder.commit(dataset);
}

}  // namespace kuda

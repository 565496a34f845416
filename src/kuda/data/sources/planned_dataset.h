#pragma once
// Private to the readers: a data set whose clips are read and whose features are planned, but not packed yet, so that
// they can go to memory or straight into the file of a prepared folder.

#include <functional>
#include <optional>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/prepared_folder.h"

namespace kuda {

class PlannedDataset {
 public:
  PlannedDataset(const PlannedDataset&) = delete;
  PlannedDataset& operator=(const PlannedDataset&) = delete;
  virtual ~PlannedDataset() = default;

  [[nodiscard]] const Dataset& dataset() const noexcept { return dataset_; }  ///< without features
  [[nodiscard]] const PerModality<std::optional<PackPlan>>& plans() const noexcept { return plans_; }

  /// Where the frames of a modality go: [num_frames, width] float32, contiguous.
  using Place = std::function<torch::Tensor(Modality, const PackPlan&)>;
  /// Packs and hashes every feature in one pass, and works out the facts. Call once. Throws UsageError when the facts
  /// name the extractor of a modality that is not there.
  [[nodiscard]] Dataset finish(const DataFacts& facts, const Place& place, const BytesWritten& written = {});

 protected:
  PlannedDataset() = default;
  virtual void warn_about(Modality /*modality*/, const Feature& /*feature*/, const PackCounts& /*counts*/) const {}
  /// Fills `values` by the plan. Here from the plan's parts; sources that hold no array of all frames read them again.
  virtual PackCounts fill(Modality /*modality*/, const PackPlan& plan, float* values, const BytesWritten& written) {
    return fill_packed(plan, values, done_, written);
  }
  /// What a reading of all its frames tells of a feature, with the warnings.
  void learn(Modality modality, const PackCounts& counts, Feature& feature) const;
  /// The rest, once every feature is read: complete(), extractors, digests, fingerprint.
  void close(const DataFacts& facts, const PerModality<std::string>& digests);
  /// Everything but the features and their digests: name, language, scores, the source's SHA-256.
  virtual void complete(const DataFacts& facts) = 0;

  Dataset dataset_;
  PerModality<std::optional<PackPlan>> plans_;
  ClipsDone done_;
};

/// A PlannedDataset::Place.
[[nodiscard]] torch::Tensor in_memory(Modality modality, const PackPlan& plan);

/// Packs straight into the features of a folder and puts it in place, without ever holding a feature in memory.
void import_planned(PlannedDataset& planned, PreparedFolder& folder, const DataFacts& facts);

/// Plans what `source` names and imports it; the data set as opened from the folder.
template <class Planned, class Source>
[[nodiscard]] Dataset import_into(const std::filesystem::path& folder, const Source& source, const DataFacts& facts) {
  PreparedFolder prepared(folder);  // first: refuses before anything is read
  Planned planned(source);
  import_planned(planned, prepared, facts);
  return read_prepared(folder);
}

}  // namespace kuda

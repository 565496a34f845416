#pragma once
// Private to the predictor: the data set whose clips requests may name, batched as `kuda predict` batches them.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kuda/checkpoint/checkpoint.h"
#include "kuda/data/collate.h"
#include "kuda/data/dataset.h"
#include "kuda/predictor/clip.h"
#include "kuda/predictor/predictor.h"

namespace kuda {

/// Stays where it is: its collator refers to its data set, and to the checkpoint, which must outlive it.
class ClipSet {
 public:
  /// Opens the data and reads no feature. Throws what open_dataset and make_collator throw.
  ClipSet(const Checkpoint& checkpoint, const std::filesystem::path& path);
  ClipSet(const ClipSet&) = delete;
  ClipSet& operator=(const ClipSet&) = delete;

  /// Throws NoSuchClip naming the nearest id, DataError for one of several clips; `field` stands for the place in the
  /// request.
  [[nodiscard]] std::int64_t row_of(const std::string& id, const std::string& field) const;
  [[nodiscard]] bool has(std::int64_t row, Modality modality) const;  ///< the clip, and the model reads it
  /// Stored frames of that clip; none where it has no such feature.
  [[nodiscard]] std::span<const float> frames(std::int64_t row, Modality modality) const;
  /// Rows in their order, without the modalities marked in `left_out`. From several threads.
  [[nodiscard]] Batch batch(const std::vector<std::int64_t>& rows, const PerModality<bool>& left_out) const;
  [[nodiscard]] Cuts cuts(std::int64_t row) const { return collator_.cuts(row); }
  [[nodiscard]] const std::vector<DataClip>& clips() const noexcept { return clips_; }  ///< by row
  [[nodiscard]] const ClipSetFacts& facts() const noexcept { return facts_; }

 private:
  Dataset dataset_;
  Collator collator_;
  PerModality<bool> in_use_;
  std::unordered_map<std::string, std::int64_t> row_of_;  ///< none for an id of several clips
  std::vector<DataClip> clips_;
  ClipSetFacts facts_;
};

}  // namespace kuda

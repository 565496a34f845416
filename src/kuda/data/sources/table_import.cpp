#include "kuda/data/sources/table_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/sources/array_source.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_recipes.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/sources/planned_dataset.h"

namespace kuda {
namespace {

void require_rows(const io::Array& array, const std::string& name, std::size_t rows,
                  const std::filesystem::path& labels) {
  if (array.shape.empty() || array.shape[0] != std::int64_t(rows))
    throw DataError(fmt::format("{}: has {} rows, but {} has {}", name, array.shape.empty() ? 0 : array.shape[0],
                                labels.string(), rows),
                    "row i of an array belongs to row i of the table");
}

std::optional<std::vector<std::int64_t>> lengths_of(const ArraySource& source, std::size_t rows,
                                                    const std::filesystem::path& labels) {
  if (!source.lengths) {
    // One frame per clip is a frame even where it is zero; sequences end at their last non-zero frame.
    if (source.values.shape[1] == 1) return std::vector<std::int64_t>(rows, 1);
    return std::nullopt;
  }
  const std::string& name = source.lengths_name;
  require_rows(*source.lengths, name, rows, labels);
  auto lengths = source.lengths->to_integers(name);
  for (std::size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] < 0)
      throw DataError(fmt::format("{}: row {}: expected 0 or more frames, found {}", name, i, lengths[i]));
  return lengths;
}

/// [N, D] as [N, 1, D].
io::Array with_time_axis(io::Array array) {
  if (array.shape.size() != 2) return array;
  array.shape.insert(array.shape.begin() + 1, 1);
  array.strides.insert(array.strides.begin() + 1, array.strides[1] * array.shape[2]);
  return array;
}

PackPlan plan_feature(ArraySource source, std::size_t rows, const std::filesystem::path& labels,
                      const ClipsDone& done) {
  require_rows(source.values, source.name, rows, labels);
  source.values = with_time_axis(std::move(source.values));
  if (source.values.shape.size() != 3)
    throw DataError(source.name + ": expected [N, D] or [N, L, D], found " + source.values.describe(),
                    recipe_for_frames(source.values.shape, false));
  return plan_packing({{source.values, source.name}}, lengths_of(source, rows, labels), false, done);
}

class PlannedTable final : public PlannedDataset {
 public:
  explicit PlannedTable(const TableSources& sources) : labels_(sources.labels) {
    dataset_.source = labels_.string();
    dataset_.clips = read_clips_csv(labels_, ClipTable::mmsa);
    done_ = [this](const PaddedArray& part, std::int64_t first, std::int64_t last) {
      for (const auto& file : files_) give_back(*file, part.array, first, last);
    };
    ArrayUse use;
    for (const Modality m : kModalities) {
      const auto& path = sources.feature[m];
      if (path.empty()) continue;
      if (std::filesystem::is_directory(path)) {
        plan_openface(m, path, sources.openface);
        continue;
      }
      files_.push_back(MappedFile::open(path));
      plans_[m] = plan_feature(read_array_source(files_.back(), m, use), dataset_.clips.size(), labels_, done_);
    }
    use.name_unused();
    if (std::none_of(plans_.begin(), plans_.end(), [](const auto& plan) { return plan.has_value(); }) &&
        std::all_of(dataset_.clips.begin(), dataset_.clips.end(), [](const Clip& clip) { return clip.text.empty(); }))
      throw DataError(labels_.string() + ": has no text, and no array of any modality was given",
                      "name one: --audio FILE, --vision FILE or --text FILE");
  }

 private:
  void plan_openface(Modality modality, const std::filesystem::path& folder, OpenFaceColumns columns) {
    if (modality != Modality::vision)
      throw DataError(
          fmt::format("{}: expected a file for {}, found a folder", folder.string(), modality_name(modality)),
          "a folder of OpenFace's tables goes with --vision");
    auto clips = read_openface_clips(folder, dataset_.clips, columns);
    openface_rate_ = clips.rate;
    plans_[modality] = plan_packing(std::move(clips.parts), clips.lengths);
  }

  void complete(const DataFacts& facts) override {
    if (openface_rate_) {
      dataset_.vision->rate = *openface_rate_;
      dataset_.vision->extractor = fmt::format("OpenFace, {} columns", dataset_.vision->width());
    }
    complete_facts(dataset_, facts, labels_.parent_path().filename().string());
    if (dataset_.name.empty()) dataset_.name = labels_.stem().string();
    dataset_.source_sha256 = sha256_of_file(labels_);
  }

  std::filesystem::path labels_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::optional<double> openface_rate_;
};

}  // namespace

Dataset import_table(const TableSources& sources, const std::filesystem::path& folder, const DataFacts& facts) {
  return import_into<PlannedTable>(folder, sources, facts);
}

}  // namespace kuda

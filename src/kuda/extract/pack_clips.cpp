#include "kuda/extract/pack_clips.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/extraction_report.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// What the reports say of each id: a clip that one shard or one run made counts as made.
std::map<std::string, ExtractionRow> reported(const ExtractionFolder& folder) {
  std::map<std::string, ExtractionRow> by_id;
  for (const auto& path : folder.reports())
    for (auto& row : read_report_rows(path)) {
      const auto id = row.id;
      const auto place = by_id.try_emplace(id, row).first;
      if (!place->second.reason.empty() && row.reason.empty()) place->second = std::move(row);
    }
  return by_id;
}

io::Array as_one_clip(const std::optional<io::Array>& frames, std::int64_t width) {
  io::Array array = frames ? *frames : io::Array{};
  const auto count = frames ? frames->shape[0] : 0;
  array.shape = {1, count, width};
  array.strides = io::contiguous_strides(array.shape);
  return array;
}

void require_width(const ExtractedClip& clip, Modality modality, std::size_t columns, const fs::path& path) {
  const auto& frames = modality == Modality::vision ? clip.vision : clip.audio;
  if (frames && frames->shape[1] != std::int64_t(columns))
    throw DataError(fmt::format("{}: {}: expected the {} columns of recipe.toml, found {}", path.string(),
                                modality_name(modality), columns, frames->describe()),
                    "remove the file and extract again");
}

/// The clips of a folder, to be packed. Counts and what was left out go to `packed`.
class PlannedClips final : public PlannedDataset {
 public:
  PlannedClips(const ExtractionFolder& folder, const PackOptions& options, PackedClips& packed)
      : folder_(folder), recipe_(folder.recipe()) {
    const auto clips = read_clips_csv(folder.table(), ClipTable::prepared);
    const auto reports = reported(folder);
    require_all(clips, reports);
    PerModality<std::vector<PaddedArray>> parts;
    PerModality<std::vector<std::int64_t>> lengths;
    for (const auto& clip : clips) {
      const auto& row = reports.at(clip.id());
      if (!row.reason.empty()) {
        packed.left_out.push_back(clip.id() + ": " + row.reason);
        continue;
      }
      const auto path = folder.clip(row.key);
      const auto extracted = read_extracted(path);
      add_text(clip, extracted, options.text, packed);
      for (const auto modality : {Modality::vision, Modality::audio}) {
        const auto columns = columns_of(modality);
        require_width(extracted, modality, columns, path);
        const auto& frames = modality == Modality::vision ? extracted.vision : extracted.audio;
        if (!frames) ++packed.missing[modality];
        parts[modality].push_back({as_one_clip(frames, std::int64_t(columns)), path.string()});
        lengths[modality].push_back(frames ? frames->shape[0] : 0);
      }
    }
    require_enough(clips.size(), packed.left_out, options.most_failures);
    for (const auto modality : {Modality::vision, Modality::audio})
      if (packed.missing[modality] < dataset_.clips.size())
        plans_[modality] = plan_packing(std::move(parts[modality]), std::move(lengths[modality]));
  }

 private:
  void require_all(const std::vector<Clip>& clips, const std::map<std::string, ExtractionRow>& reports) const {
    std::vector<std::string> absent;
    for (const auto& clip : clips)
      if (!reports.contains(clip.id())) absent.push_back(clip.id());
    if (!absent.empty())
      throw DataError(fmt::format("{}: {} of {} clips are in no report, the first is {}", folder_.path().string(),
                                  absent.size(), clips.size(), absent.front()),
                      "`kuda data extract` of their shard is not done");
  }

  static void require_enough(std::size_t clips, const std::vector<std::string>& left_out, double most) {
    if (left_out.size() == clips || double(left_out.size()) > most * double(clips))
      throw DataError(fmt::format("{} of {} clips failed, more than the share of {} that is allowed; the first is {}",
                                  left_out.size(), clips, most, left_out.front()),
                      "--most-failures allows more: those clips are left out");
  }

  void add_text(Clip clip, const ExtractedClip& extracted, PackText text, PackedClips& packed) {
    if (text == PackText::recognised || clip.text.empty()) {
      clip.text = extracted.transcript;
      if (!clip.text.empty()) ++packed.recognised;
    }
    if (clip.text.empty()) ++packed.missing.text;
    dataset_.clips.push_back(std::move(clip));
  }

  [[nodiscard]] std::size_t columns_of(Modality modality) const {
    return (modality == Modality::vision ? recipe_.vision.columns : recipe_.audio.columns).size();
  }

  void complete(const DataFacts& facts) override {
    dataset_.source = folder_.source();
    complete_facts(dataset_, facts, dataset_.source);
    dataset_.source_sha256 = sha256_of_file(folder_.table());
    const auto name = extractor_name(recipe_.fingerprint());
    for (const auto modality : {Modality::vision, Modality::audio})
      if (auto& feature = dataset_.feature(modality)) {
        feature->extractor = name;
        feature->rate =
            modality == Modality::vision ? recipe_.vision.frames_per_second : recipe_.audio.frames_per_second;
      }
  }

  const ExtractionFolder& folder_;
  Recipe recipe_;
};

}  // namespace

PackedClips pack_clips(const ExtractionFolder& folder, const fs::path& target, const PackOptions& options) {
  folder.require_begun();
  PackedClips packed;
  PreparedFolder prepared(target);
  PlannedClips planned(folder, options, packed);
  write_file(prepared.file(kRecipeFile), folder.recipe().to_toml());
  import_planned(planned, prepared, options.facts);
  packed.dataset = read_prepared(target);
  return packed;
}

}  // namespace kuda

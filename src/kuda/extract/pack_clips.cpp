#include "kuda/extract/pack_clips.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/data/word_rows.h"
#include "kuda/extract/audio_columns.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/extraction_report.h"
#include "kuda/extract/timed_words.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostPieces = 512;  // positions of BERT

/// What the reports say of each id: the newest that tried it, because videos and texts may have changed.
std::map<std::string, ExtractionRow> reported(const ExtractionFolder& folder) {
  std::map<std::string, ExtractionRow> by_id;
  for (const auto& path : folder.reports())
    for (auto& row : read_report_rows(path)) {
      const auto id = row.id;
      const auto place = by_id.try_emplace(id, row).first;
      if (row.reason != kNotItsTurn) place->second = std::move(row);
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

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string::npos; }

const std::optional<io::Array>& frames_of(const ExtractedClip& clip, Modality modality) {
  return modality == Modality::vision ? clip.vision : clip.audio;
}

void require_width(const ExtractedClip& clip, Modality modality, std::size_t columns, const fs::path& path) {
  const auto& frames = frames_of(clip, modality);
  if (frames && frames->shape[1] != std::int64_t(columns))
    throw DataError(fmt::format("{}: {}: expected the {} columns of recipe.toml, found {}", path.string(),
                                modality_name(modality), columns, frames->describe()),
                    "remove the file and extract again");
}

/// The clips of a folder, to be packed. Counts and what was left out go to `packed`.
class PlannedClips final : public PlannedDataset {
 public:
  PlannedClips(const ExtractionFolder& folder, const PackOptions& options, PackedClips& packed)
      : folder_(folder),
        recipe_(folder.recipe()),
        fingerprint_(recipe_.fingerprint()),
        tokenizer_(tokenizer_of(options)) {
    const auto clips = read_clips_csv(folder.table(), ClipTable::prepared);
    const auto reports = reported(folder);
    require_all(clips, reports);
    for (const auto& clip : clips) {
      const auto& row = reports.at(clip.id());
      if (!row.reason.empty()) {
        packed.left_out.push_back(clip.id() + ": " + row.reason);
        continue;
      }
      add(clip, folder.clip(row.key), options.text, packed);
    }
    require_enough(clips.size(), packed.left_out, options.most_failures);
    for (const auto modality : {Modality::vision, Modality::audio})
      if (packed.missing[modality] < dataset_.clips.size()) plans_[modality] = plan(modality);
    if (tokenizer_) store_pieces();
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

  static std::optional<WordPiece> tokenizer_of(const PackOptions& options) {
    if (options.align == PackAlign::none) return std::nullopt;
    if (options.encoder.empty())
      throw UsageError("--align words needs the text encoder whose word pieces get a row each: --encoder FOLDER",
                       "the one to train with, for example encoders/minilm");
    return load_tokenizer(options.encoder);
  }

  /// A recipe names columns of openSMILE, but not the library, which is the user's: here it must be one.
  void require_same_opensmile(const ExtractedClip& clip, const fs::path& path) {
    if (!clip.audio || AudioColumns(recipe_.audio.columns).egemaps.size(0) == 0) return;
    const auto found = clip.opensmile.empty() ? std::string("an openSMILE that was not recorded") : clip.opensmile;
    if (opensmile_.empty()) {
      opensmile_ = found;
      with_opensmile_ = path;
    } else if (found != opensmile_) {
      throw DataError(fmt::format("{}: columns of openSMILE: expected those of the clips before ({}: {}), found {}",
                                  path.string(), with_opensmile_.string(), opensmile_, found),
                      "remove the clips of one of them and extract again: two libraries may give other numbers");
    }
  }

  /// Folders of shards that were made by two recipes may have been copied together.
  void require_recipe(const ExtractedClip& clip, const fs::path& path) const {
    if (clip.recipe.empty() || clip.recipe == fingerprint_) return;
    throw DataError(fmt::format("{}: expected a clip of the recipe {} (recipe.toml), found one of {}", path.string(),
                                fingerprint_.substr(0, 16), clip.recipe.substr(0, 16)),
                    "extract all clips by one recipe: their features cannot be put together");
  }

  void add(const Clip& clip, const fs::path& path, PackText text, PackedClips& packed) {
    const auto extracted = read_extracted(path);
    require_recipe(extracted, path);
    require_same_opensmile(extracted, path);
    add_text(clip, extracted, text, packed);
    PieceTimes pieces;
    if (tokenizer_)
      pieces = times_of_pieces(dataset_.clips.back().text, timed_words(extracted.words), *tokenizer_, kMostPieces);
    for (const auto modality : {Modality::vision, Modality::audio}) {
      require_width(extracted, modality, columns_of(modality), path);
      const auto& frames = frames_of(extracted, modality);
      auto& length = lengths_[modality].emplace_back(0);
      if (frames && !tokenizer_)
        length = frames->shape[0];
      else if (frames && pieces.has_times())
        length = std::int64_t(pieces.ids.size());
      else
        ++packed.missing[modality];
      parts_[modality].push_back({as_one_clip(frames, std::int64_t(columns_of(modality))), path.string()});
    }
    pieces_.push_back(std::move(pieces));
  }

  [[nodiscard]] PackPlan plan(Modality modality) {
    if (!tokenizer_) return plan_packing(std::move(parts_[modality]), lengths_[modality]);
    PackPlan plan;
    plan.width = std::int64_t(columns_of(modality));
    plan.padded_length = most_pieces();
    plan.lengths = lengths_[modality];
    plan.offsets.push_back(0);
    for (const auto length : plan.lengths) plan.offsets.push_back(plan.offsets.back() + length);
    return plan;
  }

  PackCounts fill(Modality modality, const PackPlan& plan, float* values, const BytesWritten& written) override {
    if (!tokenizer_) return PlannedDataset::fill(modality, plan, values, written);
    const double rate = rate_of(modality);
    const auto read = [&](std::int64_t row, std::span<float> frames) {
      if (frames.empty()) return;
      auto clip = parts_[modality][std::size_t(row)].array;  // [1, F, D]
      clip.shape.erase(clip.shape.begin());
      clip.strides.erase(clip.strides.begin());
      std::ranges::copy(rows_of_pieces(clip, rate, pieces_[std::size_t(row)]), frames.begin());
    };
    return fill_packed(plan, values, ReadClip(read), written);
  }

  [[nodiscard]] std::int64_t most_pieces() const {
    std::size_t most = 0;
    for (const auto& pieces : pieces_) most = std::max(most, pieces.ids.size());
    return std::int64_t(most);
  }

  /// The ids beside the rows that belong to them: [N, 3, L] ids, mask and segments.
  void store_pieces() {
    dataset_.is_aligned = true;
    dataset_.text_bert = torch::zeros({std::int64_t(pieces_.size()), 3, most_pieces()}, torch::kInt32);
    dataset_.text_bert.select(1, 0).fill_(tokenizer_->encode("", 3).ids.back());  // what texts are padded with
    for (std::size_t row = 0; row < pieces_.size(); ++row) {
      const auto ids = torch::tensor(pieces_[row].ids).to(torch::kInt32);  // [n]
      dataset_.text_bert[std::int64_t(row)][0].slice(0, 0, ids.size(0)) = ids;
      dataset_.text_bert[std::int64_t(row)][1].slice(0, 0, ids.size(0)) = 1;
    }
  }

  void add_text(Clip clip, const ExtractedClip& extracted, PackText text, PackedClips& packed) {
    if (text == PackText::recognised || is_blank(clip.text)) {
      clip.text = extracted.transcript;
      if (!clip.text.empty()) ++packed.recognised;
    }
    if (is_blank(clip.text)) ++packed.missing.text;
    if (!extracted.words.empty()) ++packed.languages[extracted.language];
    dataset_.clips.push_back(std::move(clip));
  }

  [[nodiscard]] std::size_t columns_of(Modality modality) const {
    return (modality == Modality::vision ? recipe_.vision.columns : recipe_.audio.columns).size();
  }

  void complete(const DataFacts& facts) override {
    dataset_.source = folder_.source();
    complete_facts(dataset_, facts, dataset_.source);
    dataset_.source_sha256 = sha256_of_file(folder_.table());
    const auto name = extractor_name(fingerprint_);
    for (const auto modality : {Modality::vision, Modality::audio})
      if (auto& feature = dataset_.feature(modality)) {
        feature->extractor = name;
        feature->rate = tokenizer_ ? 0 : rate_of(modality);
      }
    if (dataset_.audio && !opensmile_.empty()) dataset_.audio->extractor += "; " + opensmile_;
  }

  [[nodiscard]] double rate_of(Modality modality) const {
    return modality == Modality::vision ? recipe_.vision.frames_per_second : recipe_.audio.frames_per_second;
  }

  const ExtractionFolder& folder_;
  Recipe recipe_;
  std::string fingerprint_;             ///< of the recipe
  std::optional<WordPiece> tokenizer_;  ///< of alignment by words
  std::string opensmile_;               ///< of the first clip with columns of it
  fs::path with_opensmile_;
  std::vector<PieceTimes> pieces_;  ///< of each clip, likewise
  PerModality<std::vector<PaddedArray>> parts_;
  PerModality<std::vector<std::int64_t>> lengths_;
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

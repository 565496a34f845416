#include "kuda/data/csd/csd_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/data/csd/csd_file.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

constexpr double kShortest = 1e-6;  // seconds; the SDK's epsilon, below which a label has no clip
constexpr std::string_view kPause = "sp";

/// One interval of the label sequence.
struct CsdClip {
  std::string id, entry;  ///< "video[3]", "video"
  TimeSpan interval;
};

/// Frames that share time with the interval: they start before its end and end after its start.
bool overlaps(const TimeSpan& frame, const TimeSpan& interval) {
  if (frame.start == frame.end) return frame.start >= interval.start && frame.start < interval.end;
  return frame.start < interval.end && frame.end > interval.start;
}

/// "video[3]": an entry that the SDK has aligned already.
bool is_aligned_entry(const std::string& entry) {
  const auto open = entry.rfind('[');
  return entry.ends_with(']') && open != std::string::npos && open + 2 < entry.size() &&
         std::all_of(entry.begin() + std::ptrdiff_t(open) + 1, entry.end() - 1,
                     [](char c) { return c >= '0' && c <= '9'; });
}

std::string video_of(const std::string& entry) {
  return is_aligned_entry(entry) ? entry.substr(0, entry.rfind('[')) : entry;
}

/// Splits by video, or by clip where the table names clips.
class SplitTable {
 public:
  explicit SplitTable(const std::filesystem::path& path) {
    if (path.empty()) return;
    const auto table = io::read_any_csv(path);
    const auto columns = find_clip_columns(table, ClipTable::mmsa);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      const auto &id = table.rows[i][columns.video], &name = table.rows[i][columns.split];
      const auto split = kuda::split_of(name);
      if (!split)
        throw DataError(fmt::format("{}: line {}: {}: expected train, valid or test, found '{}'", path.string(),
                                    table.lines[i], table.header[columns.split], name));
      if (const auto [known, is_new] = split_of_.emplace(id, *split); !is_new && known->second != *split)
        throw DataError(fmt::format("{}: line {}: '{}' is in {} and in {}", path.string(), table.lines[i], id,
                                    split_name(known->second), split_name(*split)),
                        "the table names each video once, or each clip as the .csd files do");
    }
    is_given_ = true;
  }

  [[nodiscard]] std::optional<Split> of(const CsdClip& clip) const {
    if (!is_given_) return Split::test;
    for (const std::string& name : {clip.id, clip.entry, video_of(clip.entry)})
      if (const auto found = split_of_.find(name); found != split_of_.end()) return found->second;
    return std::nullopt;
  }

 private:
  std::map<std::string, Split> split_of_;
  bool is_given_ = false;
};

/// Mean of the frames of an entry that overlap; zeros where none does.
void append_mean(const CsdEntry& entry, const TimeSpan& interval, std::vector<float>& out) {
  const auto width = std::size_t(entry.width);
  std::vector<double> sum(width, 0);
  std::size_t count = 0;
  for (std::size_t i = 0; i < entry.intervals.size(); ++i) {
    if (!overlaps(entry.intervals[i], interval)) continue;
    ++count;
    for (std::size_t k = 0; k < width; ++k) sum[k] += entry.values[i * width + k];
  }
  for (const double value : sum) out.push_back(count == 0 ? 0.0F : float(value / double(count)));
}

/// A sequence at hand: the entry of the last video stays in memory, since clips come video by video.
class Sequence {
 public:
  explicit Sequence(const std::filesystem::path& path) : file_(path), path_(path.string()) {}

  /// That of the clip, or nullptr: the aligned one of its own name with all its frames, else the video's.
  const CsdEntry* entry_of(const CsdClip& clip) {
    const bool has_own = file_.has(clip.id);
    const std::string name = has_own ? clip.id : video_of(clip.entry);
    if (!file_.has(name)) return nullptr;
    if (name != last_) {
      entry_ = file_.read(name);
      last_ = name;
    }
    is_whole_ = has_own;
    return &entry_;
  }
  [[nodiscard]] bool counts(const TimeSpan& frame, const CsdClip& clip) const {
    return is_whole_ || overlaps(frame, clip.interval);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  CsdFile file_;
  std::string path_, last_;
  CsdEntry entry_;
  bool is_whole_ = false;
};

class PlannedSequences final : public PlannedDataset {
 public:
  explicit PlannedSequences(const CsdSources& sources) : labels_(sources.labels), pool_(sources.pool) {
    dataset_.source = labels_.string();
    if (std::all_of(kModalities.begin(), kModalities.end(), [&](Modality m) { return sources.feature[m].empty(); }))
      throw UsageError(labels_.string() + ": a label sequence alone is no data set",
                       "name one or more: --text FILE.csd, --audio FILE.csd, --vision FILE.csd");
    read_labels(sources);
    if (sources.feature.text.empty() && pool_ == CsdPool::words)
      throw UsageError("--pool words needs a text sequence: --text FILE.csd");
    for (const Modality m : kModalities)
      if (!sources.feature[m].empty()) sequences_[m] = std::make_unique<Sequence>(sources.feature[m]);
    for (const Modality m : kModalities)
      if (sequences_[m]) read_modality(m);
    dataset_.is_aligned = pool_ == CsdPool::words && plans_.text && (plans_.vision || plans_.audio);
  }

 private:
  void read_labels(const CsdSources& sources) {
    const CsdFile labels(labels_);
    const SplitTable splits(sources.splits);
    std::size_t unlisted = 0, empty = 0;
    for (const std::string& name : labels.entries()) {
      const auto entry = labels.read(name);
      if (entry.values.empty() && !entry.intervals.empty())
        throw DataError(fmt::format("{}: {}: expected labels, found words", labels_.string(), name),
                        "the label sequence comes first: kuda data import LABELS.csd FOLDER --text WORDS.csd");
      for (std::size_t i = 0; i < entry.intervals.size(); ++i) {
        const bool has_number = is_aligned_entry(name) && entry.intervals.size() == 1;
        CsdClip csd{has_number ? name : fmt::format("{}[{}]", name, i), name, entry.intervals[i]};
        if (csd.interval.end - csd.interval.start < kShortest) {
          ++empty;
          continue;
        }
        const auto split = splits.of(csd);
        if (!split) {
          ++unlisted;
          continue;
        }
        Clip clip;
        clip.video_id = csd.id;
        clip.split = *split;
        clip.label = entry.values[i * std::size_t(entry.width)];
        dataset_.clips.push_back(std::move(clip));
        clips_.push_back(std::move(csd));
      }
    }
    if (dataset_.clips.empty())
      throw DataError(
          fmt::format("{}: no interval of the label sequence is a clip: {} have no duration, {} are in no split",
                      labels_.string(), empty, unlisted),
          "the label sequence comes first, and the table of --splits names videos as the .csd files do");
    if (sources.splits.empty()) log_info("{}: no --splits: all clips are test", labels_.filename().string());
    if (unlisted > 0)
      log_info("{}: {} clips are in no split of {}: left out", labels_.filename().string(), unlisted,
               sources.splits.string());
    if (empty > 0) log_info("{}: {} labels of no duration: left out", labels_.filename().string(), empty);
  }

  /// Intervals over which frames are averaged: one frame each.
  std::vector<TimeSpan> targets_of(const CsdClip& clip) {
    if (pool_ == CsdPool::clip) return {clip.interval};
    std::vector<TimeSpan> targets;
    if (const auto* entry = sequences_.text->entry_of(clip))
      for (const TimeSpan& word : entry->intervals)
        if (sequences_.text->counts(word, clip)) targets.push_back(word);
    return targets;
  }

  void read_modality(Modality modality) {
    Sequence& sequence = *sequences_[modality];
    std::vector<PaddedArray> parts;
    std::int64_t width = 0, missing = 0;
    bool has_words = false;
    for (std::size_t row = 0; row < clips_.size(); ++row) {
      const CsdClip& clip = clips_[row];
      std::vector<float> values;
      const CsdEntry* entry = sequence.entry_of(clip);
      if (entry != nullptr && !entry->words.empty()) {
        if (modality != Modality::text)
          throw DataError(sequence.path() + ": expected frames of numbers, found words", "words are --text");
        has_words = true;
        dataset_.clips[row].text = text_of(sequence, *entry, clip);
        continue;
      }
      if (entry != nullptr) {
        if (width != 0 && entry->width != width)
          throw DataError(
              fmt::format("{}: {}: {} features, others have {}", sequence.path(), clip.entry, entry->width, width));
        width = entry->width;
        append_frames(modality, sequence, *entry, clip, values);
      }
      const auto frames = width == 0 ? 0 : std::int64_t(values.size()) / width;
      missing += frames == 0 ? 1 : 0;
      parts.push_back({io::make_array({1, frames, width}, values), fmt::format("{}: {}", sequence.path(), clip.id)});
    }
    if (has_words) return;
    if (width == 0) throw DataError(sequence.path() + ": no entry is one of the label sequence's videos");
    if (missing > 0) log_warning("{}: {} of {} clips have no frame of it", sequence.path(), missing, clips_.size());
    std::vector<std::int64_t> lengths;
    for (PaddedArray& part : parts) {
      part.array.shape[2] = width;  // of clips before the first one that has frames
      lengths.push_back(part.array.shape[1]);
    }
    plans_[modality] = plan_packing(std::move(parts), lengths);
  }

  void append_frames(Modality modality, const Sequence& sequence, const CsdEntry& entry, const CsdClip& clip,
                     std::vector<float>& values) {
    const bool is_pooled = pool_ == CsdPool::clip || (pool_ == CsdPool::words && modality != Modality::text);
    if (is_pooled) {
      for (const TimeSpan& target : targets_of(clip)) append_mean(entry, target, values);
      return;
    }
    const auto width = std::ptrdiff_t(entry.width);
    for (std::size_t i = 0; i < entry.intervals.size(); ++i)
      if (sequence.counts(entry.intervals[i], clip))
        values.insert(values.end(), entry.values.begin() + std::ptrdiff_t(i) * width,
                      entry.values.begin() + std::ptrdiff_t(i + 1) * width);
  }

  static std::string text_of(const Sequence& sequence, const CsdEntry& entry, const CsdClip& clip) {
    std::string text;
    for (std::size_t i = 0; i < entry.intervals.size() && i < entry.words.size(); ++i)
      if (sequence.counts(entry.intervals[i], clip) && entry.words[i] != kPause && !entry.words[i].empty())
        text += (text.empty() ? "" : " ") + entry.words[i];
    return text;
  }

  void complete(const DataFacts& facts) override {
    complete_facts(dataset_, facts, labels_.stem().string());
    dataset_.source_sha256 = sha256_of_file(labels_);
  }

  std::filesystem::path labels_;
  CsdPool pool_;
  std::vector<CsdClip> clips_;
  PerModality<std::unique_ptr<Sequence>> sequences_;
};

}  // namespace

Dataset import_csd(const CsdSources& sources, const std::filesystem::path& folder, const DataFacts& facts) {
  PreparedFolder prepared(folder);
  PlannedSequences planned(sources);
  import_planned(planned, prepared, facts);
  return read_prepared(folder);
}

}  // namespace kuda

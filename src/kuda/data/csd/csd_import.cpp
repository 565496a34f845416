#include "kuda/data/csd/csd_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/data/csd/csd_file.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

constexpr double kShortest = 1e-6;  // seconds; the SDK's epsilon, below which a label has no clip
constexpr std::string_view kPause = "sp";
constexpr std::int64_t kMostLabels = 20;  // CMU-MOSI has 1 an interval, CMU-MOSEI 7, POM 18; features begin at 35
constexpr const char* kLabelsFirst =
    "the label sequence comes first: kuda data import LABELS.csd FOLDER --text WORDS.csd --audio FRAMES.csd";

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
  const CsdEntry* entry_of(const CsdClip& clip, bool with_values = false) {
    const bool has_own = file_.has(clip.id);
    const std::string name = has_own ? clip.id : video_of(clip.entry);
    if (!file_.has(name)) return nullptr;
    if (name != last_ || (with_values && !has_values_)) {
      entry_ = file_.read(name, with_values);
      last_ = name;
      has_values_ = with_values;
    }
    is_whole_ = has_own;
    return &entry_;
  }
  /// The entry of that very name without its values, or nullptr.
  const CsdEntry* named(const std::string& name) {
    if (!file_.has(name)) return nullptr;
    entry_ = file_.read(name, false);
    last_ = name;
    has_values_ = false;
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
  bool has_values_ = false, is_whole_ = false;
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
    refuse_exchanged();
    for (const Modality m : kModalities)
      if (sequences_[m]) read_modality(m);
    dataset_.is_aligned = pool_ == CsdPool::words && plans_.text && (plans_.vision || plans_.audio);
  }

 private:
  /// A feature sequence in the place of the labels would make a data set, too.
  void refuse_frames(const CsdEntry& entry) const {
    if (entry.width > kMostLabels)
      throw DataError(fmt::format("{}: expected labels, found {} numbers an interval, as features have",
                                  labels_.string(), entry.width),
                      kLabelsFirst);
  }

  /// The labels under --audio: their sequence has few numbers, and fewer intervals than what stands for labels. Words
  /// are more than labels, too.
  void refuse_exchanged() const {
    const CsdFile labels(labels_);
    for (const Modality m : kModalities) {
      if (!sequences_[m]) continue;
      std::size_t of_labels = 0, own = 0;
      for (const std::string& name : labels.entries()) {
        const auto* entry = sequences_[m]->named(name);
        if (entry == nullptr) continue;
        if (entry->width > kMostLabels) break;
        own += entry->intervals.size();
        of_labels += labels.read(name, false).intervals.size();
      }
      if (own > 0 && own < of_labels)
        throw DataError(fmt::format("{}: expected labels, found {} intervals where {} (--{}) has {}; labels are fewer "
                                    "than words and frames",
                                    labels_.string(), of_labels, sequences_[m]->path(), modality_name(m), own),
                        kLabelsFirst);
    }
  }

  void read_labels(const CsdSources& sources) {
    const CsdFile labels(labels_);
    const SplitTable splits(sources.splits);
    std::size_t unlisted = 0, empty = 0;
    for (const std::string& name : labels.entries()) {
      const auto entry = labels.read(name);
      if (entry.values.empty() && !entry.intervals.empty())
        throw DataError(fmt::format("{}: {}: expected labels, found words", labels_.string(), name), kLabelsFirst);
      if (!entry.intervals.empty()) refuse_frames(entry);
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

  /// Words become texts. Of numbers the intervals alone are read here; fill() reads the frames, video by video.
  void read_modality(Modality modality) {
    Sequence& sequence = *sequences_[modality];
    PackPlan plan;
    plan.offsets.push_back(0);
    std::int64_t missing = 0;
    bool has_words = false;
    for (std::size_t row = 0; row < clips_.size(); ++row) {
      const CsdClip& clip = clips_[row];
      const CsdEntry* entry = sequence.entry_of(clip);
      if (entry != nullptr && !entry->words.empty()) {
        if (modality != Modality::text)
          throw DataError(sequence.path() + ": expected frames of numbers, found words", "words are --text");
        has_words = true;
        dataset_.clips[row].text = text_of(sequence, *entry, clip);
        continue;
      }
      std::int64_t frames = 0;
      if (entry != nullptr) {
        if (plan.width != 0 && entry->width != plan.width)
          throw DataError(fmt::format("{}: {}: {} features, others have {}", sequence.path(), clip.entry, entry->width,
                                      plan.width));
        plan.width = entry->width;
        frames = count_frames(modality, sequence, *entry, clip);
      }
      missing += frames == 0 ? 1 : 0;
      plan.lengths.push_back(frames);
      plan.offsets.push_back(plan.offsets.back() + frames);
      plan.padded_length = std::max(plan.padded_length, frames);
    }
    if (has_words) return;
    if (plan.width == 0) throw DataError(sequence.path() + ": no entry is one of the label sequence's videos");
    if (plan.padded_length == 0) throw DataError(sequence.path() + ": no clip has a frame of it");
    if (missing > 0) log_warning("{}: {} of {} clips have no frame of it", sequence.path(), missing, clips_.size());
    plans_[modality] = std::move(plan);
  }

  [[nodiscard]] bool is_pooled(Modality modality) const {
    return pool_ == CsdPool::clip || (pool_ == CsdPool::words && modality != Modality::text);
  }

  std::int64_t count_frames(Modality modality, const Sequence& sequence, const CsdEntry& entry, const CsdClip& clip) {
    if (is_pooled(modality)) return std::int64_t(targets_of(clip).size());
    return std::count_if(entry.intervals.begin(), entry.intervals.end(),
                         [&](const TimeSpan& frame) { return sequence.counts(frame, clip); });
  }

  PackCounts fill(Modality modality, const PackPlan& plan, float* values, const BytesWritten& written) override {
    Sequence& sequence = *sequences_[modality];
    const auto read = [&](std::int64_t row, std::span<float> frames) {
      const CsdClip& clip = clips_[std::size_t(row)];
      std::vector<float> own;
      if (const auto* entry = frames.empty() ? nullptr : sequence.entry_of(clip, true))
        append_frames(modality, sequence, *entry, clip, own);
      if (own.size() != frames.size())
        throw DataError(sequence.path() + ": " + clip.entry + ": changed while it was read");
      std::copy(own.begin(), own.end(), frames.begin());
    };
    return fill_packed(plan, values, ReadClip(read), written);
  }

  void append_frames(Modality modality, const Sequence& sequence, const CsdEntry& entry, const CsdClip& clip,
                     std::vector<float>& values) {
    if (is_pooled(modality)) {
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
  return import_into<PlannedSequences>(folder, sources, facts);
}

}  // namespace kuda

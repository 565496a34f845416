#include "kuda/extract/extract_clips.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/extraction_report.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

std::vector<Clip> clips_of(const std::vector<MediaClip>& list) {
  std::vector<Clip> clips;
  for (const auto& media : list) clips.push_back(media.clip);
  return clips;
}

/// Names the parts of files that the clips are.
std::string parts_of(const std::vector<MediaClip>& list) {
  std::string text;
  for (const auto& media : list)
    text += fmt::format("{} {} {} {}\n", media.clip.id(), media.file.filename().string(), media.begin,
                        media.end.value_or(-1));
  return sha256(text);
}

/// In a child process. The models are loaded for the first clip that is not there yet; the parts of a long video, which
/// follow each other, hash it once.
class ClipWork {
 public:
  ClipWork(const std::vector<MediaClip>& list, const ExtractionFolder& folder, std::string fingerprint,
           const MakeClipSource& make)
      : list_(list), folder_(folder), fingerprint_(std::move(fingerprint)), make_(make) {}

  /// "made KEY" or "there KEY"
  std::string operator()(std::size_t place) {
    const auto& media = list_[place];
    if (media.file.empty()) throw DataError(media.problem);
    if (hashed_ != media.file) {
      sha256_ = sha256_of_file(media.file);
      hashed_ = media.file;
    }
    const auto key = extraction_key(sha256_, media.begin, media.end, fingerprint_);
    const auto target = folder_.clip(key);
    if (fs::exists(target)) return "there " + key;
    const auto lock = FileLock::wait_for(folder_.lock(key));  // one process makes it, others wait
    lock->remove_at_end();
    if (fs::exists(target)) return "there " + key;  // somebody made it, of an equal video
    if (!source_) load();
    auto clip = source_->extract(media.file, media.begin, media.end);
    clip.recipe = fingerprint_;
    write_extracted(target, clip);
    return "made " + key;
  }

 private:
  /// Weights that do not fit their description, a language that no model knows: no other clip would do better.
  void load() {
    try {
      source_ = make_();
    } catch (const Error& error) {
      throw NothingWorks(error);
    } catch (const std::exception& error) {
      throw NothingWorks(Error("the weights cannot be loaded: " + reason_of(error)));
    }
  }

  const std::vector<MediaClip>& list_;
  const ExtractionFolder& folder_;
  std::string fingerprint_;
  const MakeClipSource& make_;
  std::unique_ptr<ClipSource> source_;
  fs::path hashed_;
  std::string sha256_;
};

/// Fills a row from the clip's file; one that is damaged is taken away, so that the next run makes it again.
void complete(ExtractionRow& row, const ExtractionFolder& folder, const std::string& key) {
  try {
    const auto clip = read_extracted(folder.clip(key));
    row.key = key;
    row.facts = clip.facts;
    row.words = std::int64_t(clip.words.size());
  } catch (const DataError& error) {
    std::error_code ignored;
    fs::remove(folder.clip(key), ignored);
    row.reason = error.message() + " (it was removed: the same command makes it again)";
  }
}

}  // namespace

ExtractionCounts extract_clips(const std::vector<MediaClip>& list, const ExtractionFolder& folder, const Recipe& recipe,
                               const MakeClipSource& make, const ExtractOptions& options, Progress& progress,
                               const std::atomic<bool>& stop) {
  folder.begin(recipe, options.source, clips_of(list), parts_of(list));
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (options.shard.holds(i)) places.push_back(i);
  std::vector<ExtractionRow> rows;
  for (const auto place : places)
    rows.push_back({list[place].clip.id(), list[place].file.string(), "", kNotItsTurn, {}, 0});

  ExtractionCounts counts{places.size()};
  const auto fingerprint = recipe.fingerprint();
  WorkerPool pool(options.processes, options.limits, [&]() -> WorkerTask {
    auto work = std::make_shared<ClipWork>(list, folder, fingerprint, make);
    return [work, &places](std::size_t task) { return (*work)(places[task]); };
  });
  std::int64_t step = 0;
  const auto finished = pool.run(places.size(), stop, [&](std::size_t task, const WorkerAnswer& answer) {
    auto& row = rows[task];
    row.reason = answer.is_ok ? "" : answer.text;
    if (answer.is_ok) {
      const bool is_made = answer.text.starts_with("made ");
      complete(row, folder, answer.text.substr(answer.text.find(' ') + 1));
      if (row.reason.empty()) ++(is_made ? counts.made : counts.there);
    }
    if (!row.reason.empty()) {
      ++counts.failed;
      progress.line(fmt::format("{}: {}", row.id, row.reason));
    }
    progress.step({"extract", 0, 0, ++step, std::int64_t(places.size()), 1, std::numeric_limits<double>::quiet_NaN()});
  });
  const auto report = folder.report(options.shard);
  write_file(report, report_csv(rows));
  if (finished < places.size())
    throw Interrupted(fmt::format("{} of {} clips are done; the same command goes on", finished, places.size()));
  if (double(counts.failed) > options.most_failures * double(counts.clips))
    throw DataError(fmt::format("{} of {} clips failed, more than the share of {} that is allowed", counts.failed,
                                counts.clips, options.most_failures),
                    report.string() + " gives each reason; --most-failures allows more");
  return counts;
}

}  // namespace kuda

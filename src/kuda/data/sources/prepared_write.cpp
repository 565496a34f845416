#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <system_error>

#include <toml++/toml.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/finite.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/prepared_folder.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

toml::table feature_card(const Feature& feature) {
  toml::table card{{"width", feature.width()}, {"padded_length", feature.padded_length}};
  if (feature.rate > 0) card.insert("rate", feature.rate);
  if (!feature.extractor.empty()) card.insert("extractor", feature.extractor);
  if (feature.finite == Finite::yes) card.insert("finite", true);
  return card;
}

std::string facts_as_toml(const Dataset& dataset) {
  toml::table facts{{"format", 1},
                    {"name", dataset.name},
                    {"language", dataset.language},
                    {"score_range", toml::array{dataset.score_low, dataset.score_high}},
                    {"metric_family", std::string(metric_family_name(dataset.family))},
                    {"aligned", dataset.is_aligned},
                    {"synthetic", dataset.is_synthetic},
                    {"source", fs::path(dataset.source).filename().string()},
                    {"source_sha256", dataset.source_sha256},
                    {"fingerprint", dataset.fingerprint},
                    {"features_sha256", dataset.features_digest}};
  for (const Modality modality : kModalities)
    if (const auto& feature = dataset.feature(modality)) facts.insert(modality_name(modality), feature_card(*feature));
  std::ostringstream text;
  text << "# Facts of a prepared data set; clips.csv and features.safetensors lie beside it.\n"
       << toml::toml_formatter{facts} << "\n";
  return text.str();
}

std::map<std::string, io::Array> packed_arrays(const Dataset& dataset) {
  std::map<std::string, io::Array> arrays;
  const auto rows = static_cast<std::int64_t>(dataset.clips.size());
  for (const Modality modality : kModalities) {
    const auto& feature = dataset.feature(modality);
    if (!feature) continue;
    const std::string prefix = std::string(modality_name(modality)) + "/";
    arrays[prefix + "values"] = io::to_array(packed(*feature));
    arrays[prefix + "offsets"] = io::make_array({rows + 1}, feature->offsets);
    arrays[prefix + "lengths"] = io::make_array({rows}, feature->lengths);
  }
  if (rows > 0) arrays[kIdDigests] = io::make_array({rows}, id_digests(dataset.clips));
  if (dataset.text_bert.defined()) arrays["text_bert"] = io::to_array(dataset.text_bert);
  return arrays;
}

/// What may be replaced: nothing, an empty folder, or a prepared folder without files of somebody else.
void require_replaceable(const fs::path& folder) {
  if (!fs::exists(fs::symlink_status(folder))) return;
  if (!fs::is_directory(folder)) throw DataError(folder.string() + ": expected a folder, found a file");
  if (fs::is_empty(folder)) return;
  if (!is_prepared(folder))
    throw DataError(folder.string() + ": the folder is not empty and is no prepared data set, so it is left alone",
                    "choose another folder");
  static const std::set<std::string> kOurs{"dataset.toml", "clips.csv", "features.safetensors", kTruthFile,
                                           kRecipeFile};
  for (const auto& entry : fs::directory_iterator(folder))
    if (!kOurs.contains(entry.path().filename().string()))
      throw DataError(folder.string() + ": would be replaced, but also holds " + entry.path().filename().string(),
                      "move that file away or choose another folder");
}

/// Puts `made` in the place of `folder` in one step of the file system; what was there is then removed.
void swap_in(const fs::path& made, const fs::path& folder) {
  if (!fs::exists(folder)) {
    fs::rename(made, folder);
  } else if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) != 0) {
    throw Error(folder.string() + ": cannot be replaced: " + std::strerror(errno), "remove the folder first");
  }
  sync_folder(folder.parent_path());
  fs::remove_all(made);
}

}  // namespace

PreparedFolder::PreparedFolder(const fs::path& target) : target_(fs::absolute(target).lexically_normal()) {
  if (!target_.has_filename()) target_ = target_.parent_path();                          // "mosi/"
  if (fs::is_symlink(target_) && fs::exists(target_)) target_ = fs::canonical(target_);  // the link stays
  const auto beside = [&](const char* what) {
    return target_.parent_path() / fmt::format(".{}.{}", target_.filename().string(), what);
  };
  made_ = beside("partial");
  make_folder(target_.parent_path());
  lock_ = FileLock::try_to_lock(beside("lock"));
  if (!lock_)
    throw DataError(target_.string() + ": another process is writing this folder",
                    "wait until it has finished, or choose another folder");
  lock_->remove_at_end();
  require_replaceable(target_);
  std::error_code ignored;
  fs::remove_all(made_, ignored);  // of a run that was killed
  make_folder(made_);
}

PreparedFolder::~PreparedFolder() {
  std::error_code ignored;
  fs::remove_all(made_, ignored);
}

void PreparedFolder::commit(const Dataset& dataset) {
  write_file(made_ / "clips.csv", clips_to_csv(dataset.clips));
  write_file(made_ / "dataset.toml", facts_as_toml(dataset));
  swap_in(made_, target_);
}

void write_prepared(const fs::path& target, const Dataset& dataset) {
  PreparedFolder folder(target);
  Dataset complete = dataset;  // tensors are shared, not copied
  read_whole(complete);
  complete.features_digest = features_digest(complete);  // somebody may have written to the frames
  complete.fingerprint = fingerprint_of(complete);
  for (auto* feature : {&complete.text_features, &complete.vision, &complete.audio})
    if (*feature && (*feature)->finite == Finite::unknown)
      (*feature)->finite = count_not_finite(packed(**feature).contiguous()).total() == 0 ? Finite::yes : Finite::no;
  io::write_safetensors(folder.features(), packed_arrays(complete));
  // What belongs to these very clips goes along.
  for (const char* name : {kRecipeFile, kTruthFile})
    if (const auto there = fs::path(dataset.source) / name; is_prepared(dataset.source) && fs::exists(there))
      write_file(folder.file(name), read_file(there));
  folder.commit(complete);
}

}  // namespace kuda

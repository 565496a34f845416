#include <fmt/format.h>

#include <algorithm>

#include <toml++/toml.h>

#include "kuda/base/error.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFeatures = "features.safetensors";

/// dataset.toml with typed access; every key may be missing, none may be of another type.
class Facts {
 public:
  explicit Facts(const fs::path& path) : path_(path) {
    try {
      table_ = toml::parse_file(path.string());
    } catch (const toml::parse_error& error) {
      throw FormatError(fmt::format("{}:{}: {}", path.string(), error.source().begin.line, error.description()));
    }
  }
  template <class T>
  [[nodiscard]] T get(std::string_view key, T fallback) const {
    const auto node = table_.at_path(key);
    if (!node) return fallback;
    const auto value = node.value<T>();
    if (!value) throw DataError(fmt::format("{}: {}: the value is of another type", path_.string(), key));
    return *value;
  }
  [[nodiscard]] bool has(std::string_view key) const { return bool(table_.at_path(key)); }
  [[nodiscard]] std::string where(std::string_view key) const { return fmt::format("{}: {}", path_.string(), key); }

 private:
  fs::path path_;
  toml::table table_;
};

std::vector<std::int64_t> numbers(const io::ArrayFile& file, const std::string& key, std::size_t count) {
  const io::Array& array = file.at(key);
  if (array.shape.size() != 1 || array.shape[0] != std::int64_t(count))
    throw DataError(fmt::format("{}: {}: expected [{}] for the {} clips of clips.csv, found {}", file.path.string(),
                                key, count, count - (key.ends_with("offsets") ? 1 : 0), array.describe()));
  return array.to_integers(file.path.string() + ": " + key);
}

void require_offsets(const io::ArrayFile& file, const std::string& key, const Feature& feature) {
  const auto& offsets = feature.offsets;
  if (offsets.front() != 0 || offsets.back() != feature.values.size(0) ||
      !std::is_sorted(offsets.begin(), offsets.end()))
    throw DataError(fmt::format("{}: {}: expected ascending offsets from 0 to the {} frames stored", file.path.string(),
                                key, feature.values.size(0)));
}

std::optional<Feature> read_feature(const io::ArrayFile& file, const Facts& facts, Modality modality,
                                    std::size_t rows) {
  const std::string name(modality_name(modality)), prefix = name + "/";
  if (!file.arrays.contains(prefix + "values")) {
    if (facts.has(name))
      throw DataError(
          fmt::format("{}: expected {}values, because dataset.toml has [{}]", file.path.string(), prefix, name));
    return std::nullopt;
  }
  const io::Array& values = file.at(prefix + "values");
  if (values.shape.size() != 2 || values.shape[1] < 1)
    throw DataError(
        fmt::format("{}: {}values: expected [frames, width], found {}", file.path.string(), prefix, values.describe()));
  Feature feature;
  feature.values = io::to_tensor(values).to(torch::kFloat32);
  feature.offsets = numbers(file, prefix + "offsets", rows + 1);
  require_offsets(file, prefix + "offsets", feature);
  std::int64_t longest = 1;
  for (std::size_t i = 0; i < rows; ++i) {
    feature.lengths.push_back(feature.offsets[i + 1] - feature.offsets[i]);
    longest = std::max(longest, feature.lengths.back());
  }
  if (file.arrays.contains(prefix + "lengths")) feature.lengths = numbers(file, prefix + "lengths", rows);
  if (std::any_of(feature.lengths.begin(), feature.lengths.end(), [](auto length) { return length < 0; }))
    throw DataError(file.path.string() + ": " + prefix + "lengths: expected lengths of 0 or more");
  feature.padded_length = facts.get(name + ".padded_length", longest);
  feature.rate = facts.get(name + ".rate", 0.0);
  feature.extractor = facts.get(name + ".extractor", std::string());
  feature.finite = facts.get(name + ".finite", false) ? Finite::yes : Finite::unknown;
  if (feature.padded_length < longest)
    throw DataError(fmt::format("{}: expected at least {} (the longest clip), found {}",
                                facts.where(name + ".padded_length"), longest, feature.padded_length));
  if (const auto width = facts.get(name + ".width", feature.width()); width != feature.width())
    throw DataError(fmt::format("{}: expected {} as in features.safetensors, found {}", facts.where(name + ".width"),
                                feature.width(), width));
  return feature;
}

/// Row i of the features must be that of row i of clips.csv.
void require_same_ids(const io::ArrayFile& file, const std::vector<Clip>& clips, const fs::path& folder) {
  if (clips.empty()) return;
  if (!file.arrays.contains(kIdDigests)) {
    log_info(
        "{}: nothing ties features to ids (made by hand or by an earlier version): row i of clips.csv must be row "
        "i of features.safetensors",
        folder.string());
    return;
  }
  const auto expected = numbers(file, kIdDigests, clips.size()), found = id_digests(clips);
  const auto [at, other] = std::mismatch(expected.begin(), expected.end(), found.begin());
  if (at == expected.end()) return;
  const auto row = std::size_t(at - expected.begin());
  const auto owner = std::find(found.begin(), found.end(), *at);
  const bool is_reordered = std::is_permutation(expected.begin(), expected.end(), found.begin());
  throw DataError(
      fmt::format("{}: row {}: expected the clip whose features are stored in that row{}, found '{}'{}",
                  (folder / "clips.csv").string(), row + 1,
                  owner == found.end() ? "" : fmt::format(", '{}'", clips[std::size_t(owner - found.begin())].id()),
                  clips[row].id(), is_reordered ? "; the rows are in another order than when the set was made" : ""),
      "put the rows and ids back as they were, or import the source again; labels and texts may be edited");
}

torch::Tensor read_token_ids(const io::ArrayFile& file, std::size_t rows) {
  if (!file.arrays.contains("text_bert")) return {};
  const io::Array& stored = file.at("text_bert");
  if (stored.shape.size() != 3 || stored.shape[0] != std::int64_t(rows) || stored.shape[1] != 3 ||
      stored.dtype != io::DType::i32)
    throw DataError(
        fmt::format("{}: text_bert: expected [{}, 3, L] int32, found {}", file.path.string(), rows, stored.describe()));
  return io::to_tensor(stored);
}

void read_facts(Dataset& dataset, const Facts& facts, const fs::path& folder) {
  if (const auto format = facts.get("format", std::int64_t{1}); format != 1)
    throw DataError(fmt::format("{}: expected 1, found {}", facts.where("format"), format),
                    "the folder was written by a later version of this program; import the source again");
  dataset.name = facts.get("name", folder.filename().string());
  dataset.language = facts.get("language", std::string());
  dataset.family = metric_family(facts.get("metric_family", std::string("mosi")));
  const double range = dataset.family == MetricFamily::sims ? 1 : 3;
  dataset.score_low = facts.get("score_range[0]", -range);
  dataset.score_high = facts.get("score_range[1]", range);
  if (!(dataset.score_low < dataset.score_high))
    throw DataError(facts.where("score_range") + ": expected [low, high] with low < high");
  dataset.is_aligned = facts.get("aligned", false);
  dataset.is_synthetic = facts.get("synthetic", false);
  dataset.source_sha256 = facts.get("source_sha256", std::string());
  dataset.features_digest = facts.get("features_sha256", std::string());
}

void require_digest(const std::string& given, const std::string& found, const fs::path& folder) {
  if (given == found) return;
  throw DataError(fmt::format("{}: changed after the data set was made: dataset.toml gives the SHA-256 {}, found {}",
                              (folder / kFeatures).string(), given, found),
                  "import the source again; if these features are meant, delete features_sha256, fingerprint and "
                  "finite from dataset.toml: it is another data set then");
}

/// The digest that dataset.toml gives. Where the features are newer than it, or it gives none (a folder made by hand),
/// every feature is read once. Throws DataError where it gives another one than the features have.
void settle_features_digest(Dataset& dataset, const fs::path& folder) {
  const auto given = dataset.features_digest;
  const auto features = folder / kFeatures;
  const bool may_differ =
      fs::exists(features) && fs::last_write_time(features) > fs::last_write_time(folder / "dataset.toml");
  if (!given.empty() && !may_differ) return;
  dataset.features_digest = features_digest(dataset);
  if (!given.empty()) require_digest(given, dataset.features_digest, folder);
}

}  // namespace

bool is_prepared(const fs::path& folder) { return fs::is_regular_file(folder / "dataset.toml"); }

void require_own_features(const Dataset& dataset) {
  if (!dataset.source.empty() && is_prepared(dataset.source))
    require_digest(dataset.features_digest, features_digest(dataset), dataset.source);
}

namespace {

/// A data set and the fingerprint that its dataset.toml gives; where it gives none, its own.
struct FoundDataset {
  Dataset dataset;
  std::string given_fingerprint;
};

FoundDataset read_files(const fs::path& folder) {
  if (!is_prepared(folder))
    throw DataError(folder.string() + ": expected a prepared folder with dataset.toml",
                    "make one with: kuda data import FILE FOLDER");
  const Facts facts(folder / "dataset.toml");
  FoundDataset found;
  auto& dataset = found.dataset;
  read_facts(dataset, facts, folder);
  dataset.source = folder.string();
  dataset.clips = read_clips_csv(folder / "clips.csv", ClipTable::prepared);
  const auto rows = dataset.clips.size();
  if (fs::exists(folder / kFeatures) || facts.has("vision") || facts.has("audio") || facts.has("text")) {
    const auto file = io::read_safetensors(folder / kFeatures);
    dataset.text_features = read_feature(file, facts, Modality::text, rows);
    dataset.vision = read_feature(file, facts, Modality::vision, rows);
    dataset.audio = read_feature(file, facts, Modality::audio, rows);
    dataset.text_bert = read_token_ids(file, rows);
    require_same_ids(file, dataset.clips, folder);
  }
  settle_features_digest(dataset, folder);
  dataset.fingerprint = fingerprint_of(dataset);
  found.given_fingerprint = facts.get("fingerprint", dataset.fingerprint);
  return found;
}

/// A writer exchanges the whole folder (prepared_write.cpp): what was read of two is read again.
FoundDataset read_of_one_writer(const fs::path& folder) {
  constexpr int kMostTurns = 100;
  for (int turn = 0; turn < kMostTurns; ++turn) {
    const HeldFolder held(folder);
    try {
      auto found = read_files(folder);
      if (held.is_in_place()) return found;
    } catch (const DataError&) {
      if (held.is_in_place()) throw;
    }
  }
  throw DataError(folder.string() + ": another process exchanges this folder faster than it can be read");
}

}  // namespace

Dataset read_prepared(const fs::path& folder) {
  auto found = read_of_one_writer(folder);
  if (const auto& own = found.dataset.fingerprint; found.given_fingerprint != own)
    log_warning("{}: edited after the data set was made; it is another data set now (fingerprint {})", folder.string(),
                own);
  return std::move(found.dataset);
}

}  // namespace kuda

#include "kuda/data/sources/table_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/pack.h"
#include "kuda/io/npy.h"
#include "kuda/io/npz.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

struct Source {
  io::Array values;
  std::optional<io::Array> lengths;
  std::string name;  ///< "features.npz: audio"
};

Source from_archive(const io::ArrayFile& file, const std::string& modality) {
  const auto named = file.arrays.find(modality);
  if (named == file.arrays.end() && file.arrays.size() != 1) {
    std::vector<std::string> keys;
    for (const auto& [key, array] : file.arrays) keys.push_back(key);
    throw DataError(fmt::format("{}: expected an array named {}, found {}", file.path.string(), modality,
                                keys.empty() ? "none" : join(keys)));
  }
  const auto& [key, array] = named == file.arrays.end() ? *file.arrays.begin() : *named;
  Source source{array, std::nullopt, fmt::format("{}: {}", file.path.string(), key)};
  if (const auto lengths = file.arrays.find(key + "_lengths"); lengths != file.arrays.end())
    source.lengths = lengths->second;
  return source;
}

Source read_source(const std::filesystem::path& path, const std::string& modality) {
  const auto extension = path.extension().string();
  if (extension == ".npy") return {io::read_npy(path), std::nullopt, path.string()};
  if (extension == ".npz") return from_archive(io::read_npz(path), modality);
  if (extension == ".safetensors") return from_archive(io::read_safetensors(path), modality);
  throw DataError(fmt::format("{}: expected .npy, .npz or .safetensors for {}", path.string(), modality));
}

void require_rows(const io::Array& array, const std::string& name, std::size_t rows,
                  const std::filesystem::path& labels) {
  if (array.shape.empty() || array.shape[0] != std::int64_t(rows))
    throw DataError(fmt::format("{}: has {} rows, but {} has {}", name, array.shape.empty() ? 0 : array.shape[0],
                                labels.string(), rows),
                    "row i of an array belongs to row i of the table");
}

std::optional<std::vector<std::int64_t>> lengths_of(const Source& source, std::size_t rows,
                                                    const std::filesystem::path& labels) {
  if (!source.lengths) {
    // One frame per clip is a frame even where it is zero; sequences end at their last non-zero frame.
    if (source.values.shape[1] == 1) return std::vector<std::int64_t>(rows, 1);
    return std::nullopt;
  }
  const std::string name = source.name + "_lengths";
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

Feature read_feature(Source source, std::size_t rows, const std::filesystem::path& labels) {
  require_rows(source.values, source.name, rows, labels);
  source.values = with_time_axis(std::move(source.values));
  if (source.values.shape.size() != 3)
    throw DataError(source.name + ": expected [N, D] or [N, L, D], found " + source.values.describe());
  const bool is_view = source.values.shape[1] == 1 && source.values.dtype == io::DType::f32 && !source.lengths &&
                       source.values.is_contiguous();
  const auto plan = plan_packing({{source.values, source.name}}, lengths_of(source, rows, labels));
  if (!is_view) return pack(plan);
  Feature feature;
  feature.values = io::to_tensor(source.values).view({std::int64_t(rows), source.values.shape[2]});
  feature.offsets = plan.offsets;
  feature.lengths = plan.lengths;
  feature.padded_length = 1;
  return feature;
}

}  // namespace

Dataset import_from_table(const TableSources& sources, const DataFacts& facts) {
  Dataset dataset;
  dataset.source = sources.labels.string();
  dataset.clips = read_clips_csv(sources.labels, ClipTable::mmsa);
  bool any =
      std::any_of(dataset.clips.begin(), dataset.clips.end(), [](const Clip& clip) { return !clip.text.empty(); });
  std::array<std::optional<Feature>*, 3> features{&dataset.text_features, &dataset.vision, &dataset.audio};
  for (const Modality m : kModalities) {
    const auto& path = sources.feature[std::size_t(m)];
    if (path.empty()) continue;
    auto feature = read_feature(read_source(path, std::string(modality_name(m))), dataset.clips.size(), sources.labels);
    feature.extractor = sources.extractor[std::size_t(m)];
    *features[std::size_t(m)] = std::move(feature);
    any = true;
  }
  if (!any)
    throw DataError(sources.labels.string() + ": has no text, and no array of any modality was given",
                    "name one: --audio FILE, --vision FILE or --text FILE");
  complete_facts(dataset, facts, sources.labels.parent_path().filename().string());
  if (dataset.name.empty()) dataset.name = sources.labels.stem().string();
  dataset.source_sha256 = sha256_of_file(sources.labels);
  dataset.features_digest = features_digest(dataset);
  dataset.fingerprint = fingerprint_of(dataset);
  return dataset;
}

}  // namespace kuda

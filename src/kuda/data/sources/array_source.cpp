#include "kuda/data/sources/array_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/data/modality.h"
#include "kuda/io/npy.h"
#include "kuda/io/npz.h"
#include "kuda/io/safetensors.h"

namespace kuda {
namespace {

using Names = std::vector<std::string>;

const PerModality<Names> kNames{
    {"text", "texts", "language", "text_features", "feature_t"},
    {"vision", "visual", "video", "vision_features", "visual_features", "video_features", "feature_v"},
    {"audio", "acoustic", "speech", "audio_features", "acoustic_features", "feature_a"}};

/// The key that reads so in lower case; an exact one first.
template <class Map>
const std::string* key_like(const Map& arrays, const std::string& name) {
  if (const auto exact = arrays.find(name); exact != arrays.end()) return &exact->first;
  for (const auto& [key, value] : arrays)
    if (lower_case(key) == name) return &key;
  return nullptr;
}

template <class Map>
Names keys_of(const Map& map) {
  Names keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

/// What to do about ragged lists, which Python stores as a pickle: two lines that pad them.
std::string padding_recipe(const std::string& file, const std::string& key, const std::string& modality) {
  return fmt::format(
      "pad them: python: import numpy as np; a = np.load('{0}', allow_pickle=True){1}; n = [len(x) for x in a]; "
      "np.savez('{2}.npz', {2}=np.stack([np.pad(x, ((0, max(n) - len(x)), (0, 0))) for x in a]), {2}_lengths=n)",
      file, key.empty() ? std::string() : "['" + key + "']", modality);
}

[[noreturn]] void refuse_objects(const std::string& file, const std::string& key, const std::string& modality,
                                 const std::string& reason) {
  const bool is_ragged = reason.find("'|O'") != std::string::npos;
  throw DataError(
      fmt::format("{}: {} holds {}", file, key.empty() ? modality : key,
                  is_ragged ? "objects (ragged): expected numbers, [N, L, D] or [N, D]" : "no numbers: " + reason),
      is_ragged ? padding_recipe(file, key, modality) : "");
}

struct Archive {
  const io::ArrayFile& file;
  std::map<std::string, std::string> not_numbers;  ///< members of a .npz that are no numbers, and why
  [[nodiscard]] std::string where(const std::string& key) const {
    return fmt::format("{}: {}", file.path.string(), key);
  }
};

std::string values_key(const Archive& archive, const std::string& modality, const Names& names) {
  const auto& arrays = archive.file.arrays;
  for (const auto& name : names) {
    if (const auto* key = key_like(arrays, name)) return *key;
    if (const auto* key = key_like(archive.not_numbers, name))
      refuse_objects(archive.file.path.string(), *key, modality, archive.not_numbers.at(*key));
  }
  if (arrays.size() == 1) return arrays.begin()->first;
  Names sequences;
  for (const auto& [key, array] : arrays)
    if (array.shape.size() == 2 || array.shape.size() == 3) sequences.push_back(key);
  if (sequences.size() == 1) return sequences.front();
  if (arrays.empty() && archive.not_numbers.size() == 1)
    refuse_objects(archive.file.path.string(), archive.not_numbers.begin()->first, modality,
                   archive.not_numbers.begin()->second);
  auto found = keys_of(arrays);
  for (const auto& [key, reason] : archive.not_numbers) found.push_back(key + " (no numbers)");
  throw DataError(fmt::format("{}: expected an array named {}, found {}", archive.file.path.string(), modality,
                              found.empty() ? "none" : join(found)),
                  found.empty() ? "" : fmt::format("save it under that name: numpy.savez(FILE, {}=...)", modality));
}

/// Is it one of several features of this file? Then a plain "lengths" belongs to none of them.
bool is_only_feature(const Archive& archive, const std::string& values) {
  return std::none_of(archive.file.arrays.begin(), archive.file.arrays.end(),
                      [&](const auto& entry) { return entry.first != values && entry.second.shape.size() > 1; });
}

const std::string* lengths_key(const Archive& archive, const std::string& values) {
  Names names;
  for (const char* word : {"lengths", "length", "lens", "len"}) names.push_back(lower_case(values) + "_" + word);
  if (is_only_feature(archive, values))
    names.insert(names.end(), {"lengths", "length", "lens", "seq_lengths", "seq_len"});
  for (const auto& name : names)
    if (const auto* key = key_like(archive.file.arrays, name); key != nullptr && *key != values) return key;
  return nullptr;
}

ArraySource from_archive(const Archive& archive, Modality modality, ArrayUse& use) {
  const std::string name(modality_name(modality)), file = archive.file.path.string();
  const auto key = values_key(archive, name, kNames[modality]);
  ArraySource source{archive.file.arrays.at(key), std::nullopt, archive.where(key), {}};
  const auto* lengths = lengths_key(archive, key);
  const bool is_first = use.unused.find(file) == use.unused.end();
  auto& unused = use.unused[file];
  if (is_first)
    for (const auto& other : keys_of(archive.file.arrays)) unused.insert(other);
  if (!archive.not_numbers.empty()) use.not_numbers[file] = archive.not_numbers;
  unused.erase(key);
  if (lengths != nullptr) {
    source.lengths = archive.file.arrays.at(*lengths);
    source.lengths_name = archive.where(*lengths);
    unused.erase(*lengths);
    if (*lengths != key + "_lengths") log_info("{}: '{}' is taken for the lengths of {}", file, *lengths, name);
  }
  if (key != name) log_info("{}: '{}' is taken for {}", file, key, name);
  return source;
}

}  // namespace

void ArrayUse::name_unused() const {
  for (const auto& [file, keys] : unused) {
    Names names;
    for (const auto& key : keys) {
      const bool is_modality = std::any_of(kModalities.begin(), kModalities.end(),
                                           [&](Modality m) { return lower_case(key) == modality_name(m); });
      names.push_back(is_modality ? fmt::format("{0} (--{1} {2} takes it)", key, lower_case(key), file) : key);
    }
    if (const auto others = not_numbers.find(file); others != not_numbers.end())
      for (const auto& [key, reason] : others->second) names.push_back(key + " (no numbers)");
    if (!names.empty()) log_info("{}: arrays not used: {}", file, join(names));
  }
}

ArraySource read_array_source(const std::shared_ptr<const MappedFile>& file, Modality modality, ArrayUse& use) {
  const auto bytes = file->bytes();
  const auto extension = lower_case(file->path().extension().string()), name = file->path().string();
  if (extension == ".npy") {
    try {
      return {io::read_npy(bytes, file, name), std::nullopt, name, {}};
    } catch (const FormatError& error) {
      if (error.message().find("'|O'") != std::string::npos)
        refuse_objects(name, "", std::string(modality_name(modality)), error.message());
      throw;
    }
  }
  if (extension == ".npz") {
    const auto archive = io::read_npz(bytes, file, name);
    return from_archive({archive, archive.metadata}, modality, use);
  }
  if (extension == ".safetensors") {
    const auto archive = io::read_safetensors(bytes, file, name);
    return from_archive({archive, {}}, modality, use);
  }
  throw DataError(
      fmt::format("{}: expected .npy, .npz or .safetensors for {}", name, modality_name(modality)),
      fmt::format("python: import numpy; numpy.save('{}.npy', ARRAY), row i being that of row i of the table",
                  modality_name(modality)));
}

}  // namespace kuda

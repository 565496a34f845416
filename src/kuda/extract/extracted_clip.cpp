#include "kuda/extract/extracted_clip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/json_place.h"
#include "kuda/extract/clip_facts_json.h"
#include "kuda/io/safetensors.h"
#include "kuda/io/safetensors_layout.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;

void read_description(const json& object, const std::string& file, ExtractedClip& clip) {
  auto& facts = clip.facts;
  const JsonPlace root(object, file);
  if (root.at("format").whole() != 1) root.at("format").expected("1");
  clip.transcript = root.at("transcript").text();
  clip.language = root.at("language").text();
  for (const auto& entry : object.at("words")) {
    const JsonPlace word(entry, file + ": words");
    clip.words.push_back(
        {word.at("text").text(), word.at("begin").number(), word.at("end").number(), word.at("probability").number()});
  }
  facts.seconds = root.at("seconds").number();
  if (const auto declared = root.at("declared_seconds").number(); !std::isnan(declared))
    facts.declared_seconds = declared;
  facts.pictures = root.at("pictures").whole();
  facts.pictures_with_face = root.at("pictures_with_face").whole();
  facts.faces = root.at("faces").whole();
  facts.corrupt_pictures = root.at("corrupt_pictures").whole();
  facts.decode_errors = root.at("decode_errors").whole();
  facts.cut_short = root.at("cut_short").flag();
  facts.speaker_margin = root.at("speaker_margin").number();
  facts.speech_seconds = root.at("speech_seconds").number();
  facts.repeated = root.at("repeated").flag();
  if (root.has("recipe")) clip.recipe = root.at("recipe").text();
  if (root.has("opensmile")) clip.opensmile = root.at("opensmile").text();
  const auto missing = root.at("missing");
  for (const auto modality : kModalities)
    if (const std::string name(modality_name(modality)); missing.has(name))
      facts.missing[modality] = missing.at(name).text();
}

std::optional<io::Array> frames_in(const io::ArrayFile& file, const std::string& name) {
  const auto found = file.arrays.find(name);
  if (found == file.arrays.end()) return std::nullopt;
  if (found->second.shape.size() != 2 || found->second.dtype != io::DType::f32)
    throw DataError(fmt::format("{}: {}: expected [frames, columns] float32, found {}", file.path.string(), name,
                                found->second.describe()));
  return found->second;
}

/// `kept`: the file that holds them; what is written need not stay in memory.
void write_rows(AtomicFile& file, const io::Array& rows, const MappedFile* kept) {
  constexpr std::size_t kAtOnce = std::size_t{4} << 20U;
  auto bytes = std::span(rows.data, std::size_t(rows.numel()) * io::item_size(rows.dtype));
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kAtOnce));
    file.write(part);
    if (kept != nullptr) kept->give_back(part.data(), part.data() + part.size());
    bytes = bytes.subspan(part.size());
  }
}

}  // namespace

json facts_json(const ClipReport& clip) {
  const auto& facts = clip.facts;
  auto words = json::array();
  for (const auto& word : clip.words)
    words.push_back({{"text", word.text},
                     {"begin", json_number(float(word.begin))},
                     {"end", json_number(float(word.end))},
                     {"probability", json_number(float(word.probability))}});
  auto missing = json::object();
  for (const auto modality : kModalities)
    if (!facts.missing[modality].empty()) missing[std::string(modality_name(modality))] = facts.missing[modality];
  return json{{"transcript", clip.transcript},
              {"language", clip.language},
              {"words", words},
              {"seconds", json_number(facts.seconds)},
              {"declared_seconds", facts.declared_seconds ? json_number(*facts.declared_seconds) : json(nullptr)},
              {"pictures", facts.pictures},
              {"pictures_with_face", facts.pictures_with_face},
              {"faces", facts.faces},
              {"corrupt_pictures", facts.corrupt_pictures},
              {"decode_errors", facts.decode_errors},
              {"cut_short", facts.cut_short},
              {"speaker_margin", json_number(facts.speaker_margin)},
              {"speech_seconds", json_number(float(facts.speech_seconds))},
              {"repeated", facts.repeated},
              {"missing", missing}};
}

void write_extracted(const std::filesystem::path& path, const ExtractedClip& clip) {
  json described{{"format", 1}};
  described.update(facts_json(clip));
  if (!clip.recipe.empty()) described["recipe"] = clip.recipe;
  if (!clip.opensmile.empty()) described["opensmile"] = clip.opensmile;
  std::map<std::string, const io::Array*> arrays;
  if (clip.vision) arrays["vision"] = &*clip.vision;
  if (clip.audio) arrays["audio"] = &*clip.audio;
  std::map<std::string, io::ArraySpec> specs;
  for (const auto& [key, array] : arrays) specs[key] = {array->dtype, array->shape};
  const io::SafetensorsLayout layout(path, specs,
                                     {{"kuda_clip", described.dump(-1, ' ', false, json::error_handler_t::replace)}});
  AtomicFile file(path);
  file.write(layout.header());
  for (const auto& key : layout.order())
    write_rows(file, io::make_contiguous(*arrays.at(key)), key == "audio" ? clip.audio_file.get() : nullptr);
  file.commit();
}

ExtractedClip read_extracted(const std::filesystem::path& path) {
  const auto file = io::read_safetensors(path);
  const auto found = file.metadata.find("kuda_clip");
  if (found == file.metadata.end())
    throw DataError(path.string() + ": expected a clip of `kuda data extract` (metadata kuda_clip), found none");
  ExtractedClip clip;
  clip.vision = frames_in(file, "vision");
  clip.audio = frames_in(file, "audio");
  try {
    read_description(json::parse(found->second), path.string() + ": kuda_clip", clip);
  } catch (const json::exception& error) {
    throw DataError(path.string() + ": kuda_clip: damaged: " + error.what());
  }
  return clip;
}

std::string extraction_key(const std::string& video_sha256, double begin, std::optional<double> end,
                           const std::string& recipe_fingerprint) {
  return sha256(fmt::format("kuda clip 1\n{}\n{} {}\n{}\n", video_sha256, begin, end ? fmt::format("{}", *end) : "end",
                            recipe_fingerprint));
}

}  // namespace kuda

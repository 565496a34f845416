#include <algorithm>
#include <nlohmann/json.hpp>

#include "embedded_files.h"
#include "kuda/serve/answers.h"

namespace kuda {
namespace {

/// A modality that the model does not read may be there, and be empty.
void describe_frames(nlohmann::ordered_json& schema, nlohmann::ordered_json frame, const InputFacts& input,
                     bool is_read, const ClipLimits& limits) {
  schema["maxItems"] = is_read ? limits.frames : 0;
  if (is_read) frame["minItems"] = frame["maxItems"] = input.width;
  schema["items"] = std::move(frame);
}

}  // namespace

std::string openapi_json(const PredictorFacts& facts, const ClipLimits& limits) {
  auto document = nlohmann::ordered_json::parse(kOpenApiDocument);
  auto& schemas = document["components"]["schemas"];
  for (const char* name : {"ClipId", "ClipName", "ClipText"}) schemas[name]["maxLength"] = limits.text_bytes;
  for (const char* name : {"id", "text", "clip"}) schemas["Form"]["properties"][name]["maxLength"] = limits.text_bytes;
  schemas["TimelineForm"]["properties"]["id"]["maxLength"] = limits.text_bytes;
  auto& ids = schemas["TokenIds"];
  ids["maxItems"] = limits.text_bytes;
  ids["items"]["maximum"] = std::max<std::int64_t>(facts.vocabulary - 1, 0);
  if (facts.text != "raw") schemas["ClipText"]["maxLength"] = ids["maxItems"] = 0;
  if (!facts.clips) schemas["ClipName"]["maxLength"] = 0;
  const auto frame = schemas["Frame"];
  schemas.erase("Frame");  // each modality has its own now
  const auto& inputs = facts.inputs;
  describe_frames(schemas["TextFrames"], frame, inputs.text, facts.text == "features", limits);
  describe_frames(schemas["VisionFrames"], frame, inputs.vision, inputs.vision.is_in_use, limits);
  describe_frames(schemas["AudioFrames"], frame, inputs.audio, inputs.audio.is_in_use, limits);
  schemas["ClipList"]["properties"]["clips"]["maxItems"] = limits.clips;
  return document.dump(2) + "\n";
}

}  // namespace kuda

#pragma once
// A form (multipart/form-data) as a clip: texts as fields, frames as uploaded files. No LibTorch.
//
//   curl -F 'text=a fine film' -F vision=@vision.npy -F audio=@audio.npz http://127.0.0.1:8080/v1/predict

#include <optional>
#include <string>
#include <vector>

#include "kuda/serve/clip_json.h"
#include "kuda/serve/http/multipart.h"

namespace kuda {

/// Fields id, text, clip, without ("vision,audio", or several of it), attention ("true") and count, where an empty one
/// says nothing; files text_features, vision and audio
/// (.npy, .npz or .safetensors); a file features (.npz or .safetensors) with arrays named text, vision, audio. One
/// clip. Throws DataError and FormatError naming the field: unknown or given twice, no array, another shape, values
/// that are not finite, beyond a limit.
[[nodiscard]] ClipRequest parse_form(std::vector<FormPart> parts, const ClipLimits& limits);

/// Takes the file "video" out of a form; nothing where there is none. Throws DataError where a form with a video holds
/// frames or a clip of the data too, or no bytes.
[[nodiscard]] std::optional<std::string> take_video(std::vector<FormPart>& parts);

}  // namespace kuda

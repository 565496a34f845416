#include "kuda/serve/clip_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/serve/clip_query.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

const std::vector<std::string> kFields{"id",    "text",          "clip",   "without", "attention",
                                       "count", "text_features", "vision", "audio",   "features"};

const std::vector<std::string> kFiles{"text_features", "vision", "audio", "features"};

/// The bytes stay where they are; frames of the file keep them alive.
struct Upload {
  std::shared_ptr<const std::string> content;
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(*content)); }
};

void check_upload(const std::optional<Frames>& frames, const std::string& name, const ClipLimits& limits) {
  if (!frames) return;
  if (frames->length() > std::int64_t(limits.frames))
    throw DataError(fmt::format("{}: expected at most {} frames, found {}", name, limits.frames, frames->length()));
  require_finite(*frames, name);
}

/// "vision,audio"
void leave_out_all(const std::string& names, ClipInput& clip) {
  for (std::size_t begin = 0; begin < names.size();) {
    const auto end = std::min(names.find(',', begin), names.size());
    if (const auto name = trimmed(std::string_view(names).substr(begin, end - begin)); !name.empty())
      leave_out(name, "without", clip);
    begin = end + 1;
  }
}

/// Fields that are texts. Bytes of another charset would be read as an empty or another text, with a score.
void check_text(const std::string& name, const std::string& content) {
  if (!is_utf8(content))
    throw DataError(name + ": expected UTF-8, found other bytes",
                    "send UTF-8, or say what it is: Content-Type: text/plain; charset=gbk in the field's head");
}

void read_file_part(const std::string& name, std::string content, ClipInput& clip) {
  const Upload file{std::make_shared<const std::string>(std::move(content))};
  if (file.content->empty()) throw DataError(name + ": expected a .npy, .npz or .safetensors file, found no bytes");
  if (name == "features") {
    read_clip_archive(file.bytes(), file.content, name, clip);
    return;
  }
  const auto modality = name == "text_features" ? Modality::text : modality_from(name);
  clip.frames(modality) = read_frames(file.bytes(), file.content, name, modality);
}

}  // namespace

ClipRequest parse_form(std::vector<FormPart> parts, const ClipLimits& limits) {
  ClipRequest request;
  auto& clip = request.clips.emplace_back();
  std::set<std::string> seen;
  for (auto& part : parts) {
    const auto name = part.name.substr(0, 40);
    if (std::find(kFields.begin(), kFields.end(), name) == kFields.end())
      throw DataError(fmt::format("form: unknown field '{}'", name), suggestion(name, kFields));
    if (!seen.insert(name).second && name != "without")
      throw DataError(fmt::format("form: the field '{}' is there twice", name));
    const bool is_file = std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end();
    if (!is_file && part.content.empty()) continue;  // a browser sends every field: an empty one says nothing
    if (!is_file) check_text(name, part.content);
    if (name == "id" || name == "text" || name == "clip") {
      if (part.content.size() > limits.text_bytes)
        throw DataError(
            fmt::format("{}: expected at most {} bytes, found {}", name, limits.text_bytes, part.content.size()));
      auto& target = name == "id" ? clip.id : name == "clip" ? clip.clip : clip.text.emplace();
      target = std::move(part.content);
    } else if (name == "without") {
      leave_out_all(part.content, clip);
    } else if (name == "count") {
      request.nearest = std::int64_t(whole_number("count", part.content, 1, kMostNearest));
    } else if (name == "attention") {
      if (part.content != "true" && part.content != "false")
        throw DataError(fmt::format("attention: expected true or false, found '{}'", part.content.substr(0, 40)));
      request.with_attention = part.content == "true";
    } else {
      read_file_part(name, std::move(part.content), clip);
    }
  }
  check_upload(clip.text_features, "text_features", limits);
  check_upload(clip.vision, "vision", limits);
  check_upload(clip.audio, "audio", limits);
  return request;
}

std::optional<std::string> take_video(std::vector<FormPart>& parts) {
  const auto is_video = [](const FormPart& part) { return part.name == "video"; };
  const auto found = std::find_if(parts.begin(), parts.end(), is_video);
  if (found == parts.end()) return std::nullopt;
  auto content = std::move(found->content);
  parts.erase(found);
  if (std::any_of(parts.begin(), parts.end(), is_video)) throw DataError("form: the field 'video' is there twice");
  for (const auto& part : parts)
    if (part.name == "clip" || std::find(kFiles.begin(), kFiles.end(), part.name) != kFiles.end())
      throw DataError("video: expected no other contents of a clip, found the field " + part.name);
  if (content.empty()) throw DataError("video: expected a video or sound file, found no bytes");
  return content;
}

}  // namespace kuda

#include "kuda/predictor/clip_files.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/io/npy.h"
#include "kuda/io/npz.h"
#include "kuda/io/safetensors.h"

namespace kuda {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view beginning) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(beginning);
}

/// What has no magic number is taken for safetensors, whose reader says what is wrong.
io::ArrayFile read_archive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                           const std::string& name) {
  if (starts_with(bytes, "PK")) return io::read_npz(bytes, std::move(owner), name);
  return io::read_safetensors(bytes, std::move(owner), name);
}

Frames named_frames(const io::ArrayFile& file, const std::string& name, Modality modality) {
  const std::string wanted(modality_name(modality));
  const auto found = file.arrays.find(wanted);
  if (found == file.arrays.end() && file.arrays.size() != 1) {
    std::vector<std::string> keys;
    for (const auto& entry : file.arrays) keys.push_back(entry.first);
    throw DataError(
        fmt::format("{}: expected an array named {}, found {}", name, wanted, keys.empty() ? "none" : join(keys)));
  }
  const auto& [key, array] = found == file.arrays.end() ? *file.arrays.begin() : *found;
  return frames_of(array, name + ": " + key);
}

}  // namespace

Frames frames_of(const io::Array& array, const std::string& name) {
  if (array.shape.empty() || array.shape.size() > 2 || array.shape.back() < 1)
    throw DataError(fmt::format("{}: expected the frames of one clip, [L, D] or [D], found {}", name, array.describe()),
                    array.shape.size() == 3 ? "[N, L, D] holds several clips: send them one by one" : "");
  const auto width = array.shape.back();
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(array.data) % alignof(float) == 0;
  if (array.dtype == io::DType::f32 && array.is_contiguous() && is_aligned)
    return {{reinterpret_cast<const float*>(array.data), static_cast<std::size_t>(array.numel())}, width, array.owner};
  const auto values = array.to_doubles();
  return own_frames({values.begin(), values.end()}, width);
}

Frames read_frames(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name,
                   Modality modality) {
  if (starts_with(bytes, "\x93NUMPY")) return frames_of(io::read_npy(bytes, std::move(owner), name), name);
  return named_frames(read_archive(bytes, std::move(owner), name), name, modality);
}

Frames load_frames(const std::filesystem::path& path, Modality modality) {
  const auto extension = path.extension().string();
  if (extension != ".npy" && extension != ".npz" && extension != ".safetensors")
    throw DataError(
        fmt::format("{}: expected .npy, .npz or .safetensors for {}", path.string(), modality_name(modality)));
  const auto file = MappedFile::open(path);
  if (extension == ".npy") return frames_of(io::read_npy(file->bytes(), file, path.string()), path.string());
  const auto archive = extension == ".npz" ? io::read_npz(file->bytes(), file, path.string())
                                           : io::read_safetensors(file->bytes(), file, path.string());
  return named_frames(archive, path.string(), modality);
}

void read_clip_archive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name,
                       ClipInput& clip) {
  const auto file = read_archive(bytes, std::move(owner), name);
  bool is_any = false;
  for (const auto modality : kModalities) {
    const auto found = file.arrays.find(std::string(modality_name(modality)));
    if (found == file.arrays.end()) continue;
    is_any = true;
    clip.frames(modality) = frames_of(found->second, name + ": " + found->first);
  }
  if (is_any) return;
  std::vector<std::string> keys;
  for (const auto& entry : file.arrays) keys.push_back(entry.first);
  throw DataError(fmt::format("{}: expected arrays named text, vision or audio, found {}", name,
                              keys.empty() ? "none" : join(keys)));
}

ClipInput input_of(const ExtractedClip& clip, std::string id) {
  ClipInput input;
  input.id = std::move(id);
  if (!clip.transcript.empty()) input.text = clip.transcript;
  if (clip.vision) input.vision = frames_of(*clip.vision, input.id + ".vision");
  if (clip.audio) input.audio = frames_of(*clip.audio, input.id + ".audio");
  return input;
}

void require_finite(const Frames& frames, const std::string& name) {
  for (std::size_t i = 0; i < frames.values.size(); ++i)
    if (!std::isfinite(frames.values[i]))
      throw DataError(fmt::format("{}: frame {}, feature {} is {}: expected a finite number", name,
                                  static_cast<std::int64_t>(i) / frames.width,
                                  static_cast<std::int64_t>(i) % frames.width, frames.values[i]),
                      "set such values to 0, as data.clean = \"zero\" does");
}

}  // namespace kuda

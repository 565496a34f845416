#pragma once
// Frames of one clip from an array file, or from its bytes. No LibTorch.
//
//   clip.vision = load_frames("vision.npy", Modality::vision);

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "kuda/predictor/clip.h"

namespace kuda::io {
struct Array;
}

namespace kuda {

struct ExtractedClip;

/// [L, D] or [D] (one frame) of any numeric type, which becomes float32. `name` stands for it in messages.
/// Throws DataError for other shapes.
[[nodiscard]] Frames frames_of(const io::Array& array, const std::string& name);

/// A .npy file; a .npz or .safetensors file with an array named after the modality, or with one array only. Float32
/// stays in the file (mapped). Throws FormatError and DataError naming file, key, expected and found.
[[nodiscard]] Frames load_frames(const std::filesystem::path& path, Modality modality);

/// The same from memory, for uploads: the kind is read from the first bytes. `owner` keeps `bytes` alive; `name` stands
/// for the file in messages.
[[nodiscard]] Frames read_frames(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                 const std::string& name, Modality modality);

/// An archive (.npz, .safetensors) with the arrays of a whole clip, under the names of the modalities: each fills the
/// clip's frames, "text" its text features. Throws also when there is none of these names.
void read_clip_archive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name,
                       ClipInput& clip);

/// What was extracted from raw video (extract/extracted_clip.h): frames as they are, the transcript as text. What it
/// lacks is missing.
[[nodiscard]] ClipInput input_of(const ExtractedClip& clip, std::string id);

/// Throws DataError naming the first frame and feature that is NaN or infinite.
void require_finite(const Frames& frames, const std::string& name);

}  // namespace kuda

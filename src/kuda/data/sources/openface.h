#pragma once
// Tables of OpenFace's FeatureExtraction (Baltrusaitis et al. 2018), one csv a video, as frames of the vision modality.
//
//   const OpenFaceFrames face = read_openface("processed/clip_0001.csv", OpenFaceColumns::published);
//   face.values[i], at i / face.rate seconds of the video; where not face.found[i], zeros
//
// A frame without a face is missing, not a measurement: OpenFace writes numbers there too, beside success = 0. Its row
// becomes zeros, as do frames that the table leaves out; both are counted.

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/pack.h"

namespace kuda {

enum class OpenFaceColumns {
  all,        ///< every column behind frame, face_id, timestamp, confidence and success: 709 with OpenFace 2.2
  published,  ///< 177: head pose (6), landmarks in the picture (136), action units (35); MMSA-FET's openface.json, and
              ///< the width of CH-SIMS v2's features
};
constexpr auto value_names(OpenFaceColumns) { return std::array{"all", "published"}; }

struct OpenFaceFrames {
  std::vector<std::string> columns;
  torch::Tensor values;     ///< [F, C] float32; zeros where there is no face
  std::vector<bool> found;  ///< [F]
  double rate = 0;          ///< frames per second by the column timestamp; 0 = unknown (fewer than two frames)
  double confidence = 0;    ///< mean of the frames with a face, 0 to 1; 0 where there is none
  std::int64_t failed = 0;  ///< frames without a face: success = 0, left out, or with values that are no finite numbers
  std::int64_t faces = 0;   ///< face_id's that the table holds; of several, the one found in most frames is taken
};

/// Throws FormatError (not a table, a cell that is no number) and DataError (columns that are missing, frames or
/// timestamps that do not increase) naming file, line and column.
[[nodiscard]] OpenFaceFrames read_openface(const std::filesystem::path& path, OpenFaceColumns columns);

/// The vision modality of clips from a folder with a table for each of them, as VIDEO/CLIP.csv, VIDEO$_$CLIP.csv or
/// VIDEO_CLIP.csv. A clip without a table or without any face has no vision (length 0), and the log counts these, the
/// frames without a face and the rates. Throws DataError where no clip has a table and where columns differ.
struct OpenFaceClips {
  std::vector<PaddedArray> parts;  ///< one a clip, [1, L, C]
  std::vector<std::int64_t> lengths;
  double rate = 0;  ///< 0 where clips differ or it is unknown
};
[[nodiscard]] OpenFaceClips read_openface_clips(const std::filesystem::path& folder, const std::vector<Clip>& clips,
                                                OpenFaceColumns columns);

}  // namespace kuda

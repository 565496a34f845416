#pragma once
// A data set from label.csv (columns of MMSA) and one array file per modality.
//
//   TableSources sources;
//   sources.labels = "label.csv";
//   sources.feature.vision = "vision.npy";        // by Modality: [N, D] or [N, L, D], row i for row i of it
//   sources.feature.vision = "processed/";        // or a folder of OpenFace's tables (openface.h)
//   const Dataset data = import_table(sources, "mine");

#include <filesystem>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/openface.h"

namespace kuda {

struct TableSources {
  std::filesystem::path labels;                ///< columns video_id, clip_id, mode; text, label, label_T/A/V if known
  PerModality<std::filesystem::path> feature;  ///< .npy, .npz or .safetensors; empty: none
  OpenFaceColumns openface = OpenFaceColumns::all;  ///< of a folder of tables, which are held in memory
};

/// Makes a prepared folder and opens it; features go from file to file and are never held in memory, unless an .npz
/// file is compressed. An archive is searched for the modality's name and its lengths (array_source.h). Without
/// lengths a clip ends at its last non-zero frame; single frames [N, D] always count as one. At least one array or text
/// is needed. Throws FormatError and DataError naming the file, the key and both counts.
Dataset import_table(const TableSources& sources, const std::filesystem::path& folder, const DataFacts& facts = {});

}  // namespace kuda

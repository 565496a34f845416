#pragma once
// A data set from label.csv (columns of MMSA) and one array file per modality.
//
//   TableSources sources;
//   sources.labels = "label.csv";
//   sources.feature[1] = "vision.npy";        // by Modality: [N, D] or [N, L, D], row i belongs to row i of label.csv
//   const Dataset data = import_from_table(sources);

#include <array>
#include <filesystem>
#include <string>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"

namespace kuda {

struct TableSources {
  std::filesystem::path labels;                  ///< columns video_id, clip_id, mode; text, label, label_T/A/V if known
  std::array<std::filesystem::path, 3> feature;  ///< by Modality; .npy, .npz or .safetensors; empty: none
  std::array<std::string, 3> extractor;          ///< by Modality, see Feature::extractor
};

/// An archive is searched for the modality's name (and "NAME_lengths" [N]), else must hold one array. Without lengths a
/// clip ends at its last non-zero frame; single frames [N, D] always count as one. An array of single float32 frames is
/// used where it lies in the file, without a copy. At least one array or text is needed.
/// Throws FormatError and DataError naming the file, the key and both counts.
[[nodiscard]] Dataset import_from_table(const TableSources& sources, const DataFacts& facts = {});

}  // namespace kuda

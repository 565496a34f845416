#pragma once
// A prepared folder: dataset.toml (facts), clips.csv (one line per clip) and features.safetensors (packed, mapped).
// The format, key by key: docs/data-formats.md.
//
//   write_prepared("mosi", read_mmsa("unaligned_50.pkl"));
//   const Dataset mosi = read_prepared("mosi");            // reads no feature

#include <filesystem>

#include "kuda/data/dataset.h"

namespace kuda {

inline constexpr const char* kTruthFile = "truth.csv";  ///< of synthetic clips (data/synth), beside the others

/// True for a folder with a dataset.toml.
[[nodiscard]] bool is_prepared(const std::filesystem::path& folder);

/// Writes all of it beside `folder` and swaps it in at the end: a kill leaves the old folder or the complete new one.
/// Digests are those of the frames as they are. Recipe and truth of the folder that the data came from go along. Throws
/// DataError, and changes nothing, when `folder` exists and is neither empty nor a prepared folder, or holds files of
/// somebody else.
void write_prepared(const std::filesystem::path& folder, const Dataset& dataset);

/// Features stay in the mapped file; they are held to their SHA-256 where they are newer than dataset.toml. Throws
/// FormatError and DataError naming file, line and key.
[[nodiscard]] Dataset read_prepared(const std::filesystem::path& folder);

/// For work whose results the fingerprint stands for: reads every feature of an opened folder once. Throws DataError
/// where they are not those of dataset.features_digest, with how to keep them. Other data sets are left alone.
void require_own_features(const Dataset& dataset);

}  // namespace kuda

#include "kuda/runs/run_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/dataset.h"
#include "kuda/data/sources/prepared.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// Of names below the folder, and of bytes.
std::string digest_of_files(const std::set<fs::path>& files, const fs::path& folder) {
  std::string text;
  for (const auto& file : files) text += fs::relative(file, folder).string() + " " + sha256_of_file(file) + "\n";
  return sha256(text);
}

void require_folder(const fs::path& folder, const char* what) {
  if (!fs::is_directory(folder))
    throw CheckpointError(fmt::format("{}: no folder of {} is there", folder.string(), what));
}

/// Of configuration, tokenizer and weights, in whatever files they are.
std::string digest_of_encoder(const fs::path& folder) {
  require_folder(folder, "a text encoder");
  const std::set<std::string> endings{".json", ".txt", ".safetensors", ".bin"};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) files.insert(entry.path());
  return digest_of_files(files, folder);
}

/// Of the weights of its tasks.
std::string digest_of_stage1(const fs::path& given) {
  const auto folder = fs::is_directory(given / "pretrain") ? given / "pretrain" : given;
  require_folder(folder, "`kuda pretrain`");
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const auto weights = entry.path() / "model" / "model.safetensors"; fs::exists(weights)) files.insert(weights);
  return digest_of_files(files, folder);
}

}  // namespace

bool RunInputs::is_path(std::string_view key) { return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end(); }

RunInputs::RunInputs(const RunConfig& config)
    : paths_{{"data.path", config.data},
             {"pretrain.data", config.pretrain_data},
             {"encoder", config.encoder},
             {"pretrained", config.pretrained}} {}

const std::string& RunInputs::digest(const std::string& key) {
  if (const auto known = digests_.find(key); known != digests_.end()) return known->second;
  const auto& path = paths_.at(key);
  std::string digest;
  if (path.empty()) return digests_[key];
  if (key == "encoder")
    digest = digest_of_encoder(path);
  else if (key == "pretrained")
    digest = digest_of_stage1(path);
  else
    digest = open_dataset(path).fingerprint;
  return digests_[key] = std::move(digest);
}

}  // namespace kuda

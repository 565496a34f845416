#pragma once
// Everything one run needs, from one TOML file: the sections of a run and the model's own.
//
//   RunConfig config = RunConfig::load("configs/kuda_mosi.toml", {.profile = "released", .sets = {"train.lr=1e-4"}});
//   write_file("config.toml", config.to_toml());

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kuda/checkpoint/train_config.h"
#include "kuda/config/config.h"
#include "kuda/data/data_config.h"
#include "kuda/models/model.h"
#include "kuda/tensor/products.h"

namespace kuda {

struct ConfigChanges {
  std::string profile;            ///< applied over the file, below `sets`; empty: the file's
  std::vector<std::string> sets;  ///< "train.lr=1e-4"
};

struct RunConfig {
  std::string model = all_models().front().name, profile, data, encoder, pretrained, device = "cpu";
  Products products = Products::automatic;
  std::string pretrain_data;  ///< data set of stage 1 if not that of the run
  std::int64_t seed = 1111, threads = 0;
  DataConfig collate;
  PretrainConfig pretrain;
  TrainConfig train;
  std::unique_ptr<ModelConfig> model_config;

  /// Defaults < profile < file < --profile < --set. Empty path: defaults. Throws ConfigError.
  static RunConfig load(const std::filesystem::path& path, const ConfigChanges& changes);
  static RunConfig parse(const std::string& toml, const std::string& source, const ConfigChanges& changes = {});
  [[nodiscard]] Schema schema();  ///< over the members of this object
  [[nodiscard]] std::string to_toml();
};

}  // namespace kuda

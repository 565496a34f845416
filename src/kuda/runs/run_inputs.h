#pragma once
// What a run reads, by content: a run goes on with the same data and the same encoder wherever they lie now.
//
//   RunInputs inputs(config);
//   inputs.digest("encoder");        // SHA-256 of its files, however the folder is called

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "kuda/checkpoint/run_config.h"

namespace kuda {

class RunInputs {
 public:
  /// Keys of the configuration whose values are paths of inputs.
  static constexpr std::array<std::string_view, 4> kKeys{"data.path", "pretrain.data", "encoder", "pretrained"};
  [[nodiscard]] static bool is_path(std::string_view key);

  explicit RunInputs(const RunConfig& config);

  /// Of what the key names: the fingerprint of a data set, the bytes of an encoder or of a stage 1; empty where nothing
  /// is named. Computed when first asked for. Throws what opening it throws.
  [[nodiscard]] const std::string& digest(const std::string& key);
  /// Where it is known already, because the data set is open.
  void know(const std::string& key, std::string digest) { digests_[key] = std::move(digest); }
  /// Of the folders whose runs read an encoder.
  [[nodiscard]] const std::string& path(const std::string& key) const { return paths_.at(key); }

 private:
  std::map<std::string, std::string> paths_, digests_;
};

}  // namespace kuda

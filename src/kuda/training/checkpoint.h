#pragma once
// A checkpoint folder holds all that prediction needs: config.json, model.safetensors under the published names,
// vocab.txt, and normaliser.safetensors where features were normalised.
//
//   const Checkpoint checkpoint = load_checkpoint("run/model");
//   checkpoint.model->forward(batch, nullptr).score;

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "kuda/data/collate.h"
#include "kuda/models/model.h"
#include "kuda/text/wordpiece.h"
#include "kuda/training/run_config.h"

namespace kuda {

inline constexpr const char* kMainTask = "main";

/// What a model was built for, as config.json keeps it.
struct CheckpointFacts {
  std::string task;  ///< "main", or the name of a pretraining task
  DataShape shape;
  BertConfig bert;
  MetricFamily family = MetricFamily::sims;
  double score_low = -1, score_high = 1;
  std::string data_name, data_fingerprint, source_sha256;
  bool is_synthetic = false;
};

struct Checkpoint {
  std::filesystem::path folder;
  CheckpointFacts facts;
  RunConfig config;
  std::shared_ptr<Model> model;  ///< in eval mode
  std::optional<WordPiece> tokenizer;
  std::optional<Normaliser> normaliser;
};

void save_checkpoint(const std::filesystem::path& folder, const Model& model, RunConfig& config,
                     const CheckpointFacts& facts, const WordPiece* tokenizer,
                     const std::optional<Normaliser>& normaliser);

/// Throws CheckpointError naming the file and the first differences.
[[nodiscard]] Checkpoint load_checkpoint(const std::filesystem::path& folder);

}  // namespace kuda

#pragma once
// A checkpoint folder holds all that prediction needs: config.json, model.safetensors under the published names,
// vocab.txt and tokenizer_config.json, normaliser.safetensors where features were normalised, and calibration.json for
// intervals around scores.
//
//   const Checkpoint checkpoint = load_checkpoint("run/model");
//   const Collator collate = make_collator(checkpoint, dataset);
//   checkpoint.model->forward(collate({0, 1}), nullptr).score;

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/checkpoint/conformal.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/data/collate.h"
#include "kuda/models/model.h"
#include "kuda/tensor/precision.h"
#include "kuda/text/wordpiece.h"

namespace kuda {

inline constexpr const char* kMainTask = "main";

/// What a model was built for and made from, as config.json keeps it.
struct CheckpointFacts {
  std::string task;  ///< kMainTask, or the name of a pretraining task
  DataShape shape;
  BertConfig bert;
  MetricFamily family = MetricFamily::sims;
  double score_low = -1, score_high = 1;
  std::string data_name, data_fingerprint, source_sha256;
  std::string recipe;  ///< by which kuda made the features from video (data/sources/recipe_file.h); empty: it did not
  bool is_synthetic = false;
  /// Of the data it was trained on: what decides which frames of a long clip are shown (data/window.h). By Modality,
  /// the padded length; 0 where the data lack the modality, and in checkpoints from before it was recorded.
  bool is_aligned = false;
  PerModality<std::int64_t> padded_lengths;
  PerModality<float> largest_input;             ///< data/input_range.h; 0 where it is not known
  std::int64_t epoch = 0, epochs = 0;           ///< the saved one, from 1, and how many were trained
  std::string select = "valid";                 ///< how it was chosen; "last", or "published" for converted weights
  std::map<std::string, std::string> versions;  ///< kuda, revision, libtorch
};

struct Checkpoint {
  std::filesystem::path folder;
  CheckpointFacts facts;
  RunConfig config;
  std::shared_ptr<Model> model;  ///< in eval mode, on the CPU
  std::optional<WordPiece> tokenizer;
  std::optional<Normaliser> normaliser;
  std::optional<Calibration> calibration;  ///< none in converted weights, in last/, and without validation labels
};

/// The model of a task (kMainTask, or a pretraining task) with fresh weights. Throws CheckpointError where the model
/// has no such task, and what its constructor throws.
[[nodiscard]] std::shared_ptr<Model> make_model(const ModelInfo& info, const ModelConfig& config,
                                                const std::string& task, const DataShape& shape,
                                                const TextEncoder& text);

/// Files are replaced one by one, config.json last: its presence says that the folder is whole. `calibration` must be
/// that of these very weights.
void save_checkpoint(const std::filesystem::path& folder, const Model& model, RunConfig& config,
                     const CheckpointFacts& facts, const WordPiece* tokenizer,
                     const std::optional<Normaliser>& normaliser,
                     const std::optional<Calibration>& calibration = std::nullopt);

/// `folder` is a checkpoint, or a run folder with one in model/. Throws CheckpointError naming the file and, where
/// tensors do not fit, the first differences with both shapes and the likely cause.
[[nodiscard]] Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// CheckpointFacts::recipe of a checkpoint, without its weights. Throws as load_checkpoint.
[[nodiscard]] std::string recipe_of_checkpoint(const std::filesystem::path& folder);

/// Puts the model on a device, and its weights into the form that scores fastest there: from here on it only scores
/// (Model::prepare_for_scoring). Throws ConfigError where the device should not be asked for this precision.
void prepare_for_scoring(const Checkpoint& checkpoint, const torch::Device& device, Precision precision);

/// Batches of a data set for the checkpoint's model: its lengths, normaliser and vocabulary. `modalities`: a subset of
/// those it was trained with; empty: all of them. `text_source`: another one than it was trained with. The data set and
/// the checkpoint must outlive the collator.
/// Throws CheckpointError when feature widths differ, naming both and the remedy; ConfigError for modalities.
[[nodiscard]] Collator make_collator(const Checkpoint& checkpoint, const Dataset& dataset,
                                     const std::vector<std::string>& modalities = {},
                                     std::optional<TextSource> text_source = {});

/// Throws CheckpointError where the model reads vision or audio and its data were made from video by another recipe
/// than these, or one of the two was made so and the other was not.
void require_same_recipe(const Checkpoint& checkpoint, const Dataset& dataset);

/// Names of the modalities that a checkpoint's model reads.
[[nodiscard]] std::vector<std::string> modalities_of(const Checkpoint& checkpoint);

/// "kuda", "revision", "libtorch", "compiler" of this build.
[[nodiscard]] std::map<std::string, std::string> build_versions();

}  // namespace kuda

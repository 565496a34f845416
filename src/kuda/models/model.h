#pragma once
// What a model is to the rest of the program. Training, evaluation and serving know models only through this.
//
//   auto model = find_model("kuda").make(config, shape, text);
//   const Output output = model->forward(batch, nullptr);
//   const Losses losses = model->loss(output, batch);
//   losses.total.backward();

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kuda/config/fields.h"
#include "kuda/data/batch.h"
#include "kuda/data/dataset.h"
#include "kuda/data/shape.h"
#include "kuda/io/safetensors.h"
#include "kuda/models/trace.h"
#include "kuda/tensor/precision.h"
#include "kuda/text/bert.h"

namespace kuda {

struct Output {
  torch::Tensor score;                  ///< [B] float32, in the data set's score range
  PerModality<torch::Tensor> unimodal;  ///< [B] each; undefined where the model has none
  PerModality<torch::Tensor> ratio;     ///< [B] each: weights that the model predicts, with sum 1; undefined without
  /// [B] each: what of the score is due to each modality alone. The rest of the score, which the modalities make
  /// together, is the correction. Undefined where the score is no such sum.
  PerModality<torch::Tensor> parts;
  std::vector<std::pair<std::string, torch::Tensor>> terms;  ///< what the loss needs from inside the graph
};

struct Losses {
  torch::Tensor total;  ///< scalar with gradient
  /// Named scalars, for logs and non-finite checks. The first is the error of the score itself ("task").
  std::vector<std::pair<std::string, torch::Tensor>> terms;
};

/// Options of one optimiser group; they scale or replace those of the training section.
struct ParameterGroup {
  std::vector<torch::Tensor> parameters;
  double lr_scale = 1.0;
  double weight_decay = -1;  ///< -1: that of the training section
  double lr = -1;            ///< highest rate; -1: that of the training section times lr_scale
  std::int64_t phase = 0;    ///< of the epoch (Model::num_phases) whose steps move these parameters
  bool is_scheduled = true;  ///< false: the rate stays, whatever the schedule says
};

/// What a model that keeps state per training clip must know before the first step.
struct TrainingFacts {
  std::vector<std::int64_t> rows;         ///< rows of the data set that are trained on, ascending
  std::function<torch::Tensor()> labels;  ///< reads them: [rows] float32, what the task learns
  std::int64_t batch_size = 0;
  std::function<Batch(const std::vector<std::int64_t>&)> collate;  ///< reads clips by row, on the CPU
};

class Model : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// The label in `batch` may be used only while training (`is_training()`); scores never depend on it otherwise.
  virtual Output forward(const Batch& batch, Trace* trace) = 0;
  /// In eval mode the loss by which epochs are compared; it must not need more than a forward in eval mode gives.
  virtual Losses loss(const Output& output, const Batch& batch) = 0;
  /// Groups of trainable parameters; the default is one group of all that require a gradient.
  virtual std::vector<ParameterGroup> parameter_groups();
  /// True when scores do not depend on how far a batch is padded, so batches may be cut to their longest clip.
  [[nodiscard]] virtual bool is_padding_invariant() const { return false; }
  /// True when no score depends on what the text encoder makes of padded word pieces, though one may depend on how far
  /// a batch is padded.
  [[nodiscard]] virtual bool ignores_padded_pieces() const { return is_padding_invariant(); }
  /// Leaves padding out of the work where no score depends on it: everywhere, or in the text encoder alone.
  void leave_out_padding(bool is_on = true);
  /// What forward() and loss() are to compute in. The caller does that, by an Autocast around both
  /// (tensor/precision.h); scores are float32 in every precision.
  [[nodiscard]] Precision precision() const noexcept { return precision_; }
  void use_precision(Precision precision) noexcept { precision_ = precision; }
  /// The same, and weights go over into the form that scores fastest in it: int8 in the text encoder alone, and float32
  /// in the rest then. For a model that has its weights and is on its device; there is no way back (tensor/linear.h).
  void prepare_for_scoring(Precision precision);
  /// Throws Error for `true` where the weights were given up for scoring.
  void train(bool is_on = true) override;
  /// False for tensors that serve training only and that a checkpoint leaves out.
  [[nodiscard]] virtual bool is_saved(std::string_view) const { return true; }
  /// Beginnings of names (ours, theirs) of tensors that published state dictionaries list a second time.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> listed_twice() const { return {}; }
  /// What `kuda explain` reads from a trace, block by block; empty: the model has nothing of the kind to show.
  [[nodiscard]] virtual std::vector<FusionBlockTrace> fusion_blocks() const { return {}; }
  /// Lines for the run's log: what the chosen options do that a user might not expect.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  /// Called once before training, also before a saved state is put back: the place to register per-clip buffers.
  virtual void begin_training(const TrainingFacts&) {}
  /// Called before the first step of each epoch (0-based).
  virtual void begin_epoch(std::int64_t epoch, std::int64_t num_epochs);
  /// Passes over the training clips in an epoch, each with an optimiser of its own over the groups of that phase
  /// (MMIM trains its mutual-information networks before the rest). All see the same batches.
  [[nodiscard]] virtual std::int64_t num_phases() const { return 1; }
  /// Forward and loss are those of that phase afterwards. `is_continued`: some of its steps were made before the run
  /// was stopped, so state kept across batches must not be reset.
  virtual void begin_phase(std::int64_t /*phase*/, bool /*is_continued*/) {}
  /// Of the `steps` of a phase, how many are made (the first ones).
  [[nodiscard]] virtual std::int64_t phase_steps(std::int64_t /*phase*/, std::int64_t steps) const { return steps; }
  /// Called after the gradients of a batch are there and before any step, without recording: the place to update what
  /// is kept across batches. That state must be registered buffers, so that it is saved and continued.
  virtual void after_backward(const Output&, const Batch&) {}
  /// True when training on a batch leaves nothing behind but gradients, so that the batches of one optimiser step may
  /// be done in any order, or by several processes. Unless overridden: when the model has no running statistics.
  [[nodiscard]] virtual bool has_independent_batches() const;

 private:
  Precision precision_ = Precision::fp32;
};

enum class TextInput { none, features, tokens };

/// Elements of all parameters outside the text encoder (any BERT that is part of the model), trained or not.
[[nodiscard]] std::int64_t parameters_without_encoder(const Model& model);

/// Options of a model; `describe` lists them once for parsing, printing and docs.
struct ModelConfig {
  virtual ~ModelConfig() = default;
  virtual void describe(Fields& fields) = 0;
  /// What these options make the model read as text, given what it reads by default (ModelInfo::text).
  [[nodiscard]] virtual TextInput text_input(TextInput by_default) const { return by_default; }
};

/// The text encoder a model is built around; `folder` empty: random weights (or a checkpoint follows).
struct TextEncoder {
  BertConfig bert;
  std::string folder;
};

/// One training task that precedes the main one (KuDA's stage 1: one per modality).
struct PretrainTask {
  std::string name;  ///< "text", "vision", "audio": also the folder of its run
  Modality modality = Modality::text;
  DataShape shape;  ///< that the saved model is built for: what a checkpoint must remember
  std::function<std::shared_ptr<Model>()> make;
  /// Its scores are what the text says without the other modalities: the text-only predictor of reports.
  [[nodiscard]] bool reads_text_alone() const { return modality == Modality::text; }
};

/// A named set of ordinary options ("paper", "released"); each assignment reads like --set.
struct Profile {
  std::string name, help;
  std::vector<std::string> assignments;
};

/// How other published code names a model's tensors: beginnings (ours, theirs); the first that fits a name counts.
struct PublishedNames {
  std::string code;  ///< "mmsa", "authors", "2024"
  std::vector<std::pair<std::string, std::string>> beginnings;
};

/// Facts of one model: the registry's entry.
struct ModelInfo {
  std::string name, title, paper, kind;  ///< kind: "ternary symmetric", "text centre", "dynamic"
  int year = 0;
  TextInput text = TextInput::tokens;
  bool needs_alignment = false;  ///< made for one frame per word: other data are pooled to the text's length
  bool uses_unimodal_labels = false;
  std::string reference;  ///< published code that the golden cases follow: "thuiar/MMSA a94e65d (MIT)"
  std::string state;      ///< what is kept across batches; empty: nothing
  std::vector<PublishedNames> published_names;  ///< besides our own names, which are those of `reference`
  /// Names of the reference's tensors that nothing reads and the model does not have; empty: there are none.
  std::function<bool(std::string_view)> is_unused;
  /// Names of our tensors that scores need and no published dictionary holds; empty: there are none.
  std::function<bool(std::string_view)> is_unpublished;
  /// What the model makes of a clip before it scores it, for `kuda embed`: title of the panel ("text", "vision",
  /// "audio", "fused" as far as there are such) and the name in the trace of a [B, D], of a forward pass in eval mode.
  /// Where the model holds a sequence that is the mean which its head reads, or that over the real positions. A name is
  /// missing from the trace where the modality is missing from the model or the batch. Empty: the model has none to
  /// show.
  std::vector<std::pair<std::string, std::string>> features;
  /// Parts of names of parameters that no loss reaches; they are there because published state dicts have them.
  std::vector<std::string> idle_parameters;
  /// Promises of the conformance suite that the model does not keep: name of the test, reason.
  std::vector<std::pair<std::string, std::string>> exceptions;
  std::vector<Profile> profiles;  ///< the first is the default
  std::function<std::unique_ptr<ModelConfig>()> make_config;
  /// Weights are initialised from LibTorch's generator (seed it before), the text encoder's from its folder.
  std::function<std::shared_ptr<Model>(const ModelConfig&, const DataShape&, const TextEncoder&)> make;
  /// Sets both, for an M that is made of (const Config&, const DataShape&, const TextEncoder&).
  template <class M, class Config>
  void set_makers() {
    make_config = [] { return std::make_unique<Config>(); };
    make = [](const ModelConfig& config, const DataShape& shape, const TextEncoder& text) {
      return std::make_shared<M>(dynamic_cast<const Config&>(config), shape, text);
    };
  }
  /// Tasks to train before; empty function or empty list: none. `source` is the shape of the data they train on,
  /// `target` that of the main task (they differ when knowledge comes from another data set).
  std::function<std::vector<PretrainTask>(const ModelConfig&, const DataShape& target, const DataShape& source,
                                          const TextEncoder&)>
      pretrain_tasks;
  /// Puts the saved state of a task's model into the main model. Returns the names that were skipped and start
  /// fresh. Throws CheckpointError naming the differences.
  std::function<std::vector<std::string>(Model&, const ModelConfig&, const PretrainTask&, const io::ArrayFile&)> adopt;
};

/// Every model, in the order of the paper's tables. models/registry.cpp is the only list.
[[nodiscard]] const std::vector<ModelInfo>& all_models();
/// Throws UsageError listing the known names and the nearest.
[[nodiscard]] const ModelInfo& find_model(const std::string& name);
/// Of a program around the library (the Python package): find_model finds it from here on; the later one where a name
/// comes twice. Throws UsageError for a name of all_models(), which it never is part of.
void add_model(ModelInfo info);

}  // namespace kuda

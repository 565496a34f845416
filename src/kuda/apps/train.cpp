// kuda train: stage 1 where the model has one, then the main task; one run folder per seed.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "kuda/apps/run_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/experiments/explain_run.h"
#include "kuda/extract/extractor_models.h"
#include "kuda/runs/procedure.h"

namespace kuda {

namespace {

/// The weights that made the data from video go into the checkpoints with the recipe: these then score videos by
/// themselves. They are read and compared with the recipe once, whatever the number of runs, and for none that has
/// them.
class ExtractorKeeper {
 public:
  explicit ExtractorKeeper(ExtractorChoices choices) : choices_(std::move(choices)) {}

  void keep(const std::filesystem::path& checkpoint, const std::string& data) {
    const auto text = recipe_in(data);
    if (text.empty() || holds_models(checkpoint / "extractor")) return;
    if (!models_ && problem_.empty()) find(text, data);
    if (models_)
      keep_models(*models_, checkpoint / "extractor");
    else
      log_info("{}: its recipe is kept, the weights that it names are not: {}", checkpoint.string(), problem_);
  }

 private:
  void find(const std::string& recipe_text, const std::string& data) {
    try {
      auto recipe = kept_recipe(recipe_text, data, choices_);
      models_.emplace(choices_, recipe);
    } catch (const DataError& error) {
      problem_ = error.message();
    }
  }

  ExtractorChoices choices_;
  std::string problem_;
  std::optional<ExtractorModels> models_;
};

}  // namespace

void add_train(CLI::App& program) {
  struct Options {
    RunOptions run;
    std::string pretrained;
    ExtractorChoices models{.folder = kDefaultExtractor};
    bool json = false, restart = false, explain = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("train", "Train a model: stage 1 where it has one, then the main task.");
  options->run.add_to(*verb);
  options->run.add_out_to(*verb);
  verb->add_option("--pretrained", options->pretrained, "folder of `kuda pretrain`: its stage 1 is used");
  verb->add_option("--extractor", options->models.folder,
                   "of data made from video: folder of the weights, which the checkpoint keeps (as links)")
      ->capture_default_str();
  verb->add_option("--speech-model", options->models.speech,
                   "of data made from video: the Whisper folder of the recipe");
  verb->add_flag("--restart", options->restart, "begin again where the folder holds a run with other options");
  verb->add_flag("--explain", options->explain,
                 "then say which modality decided the test clips: explain.json in the run folder, for `kuda report`");
  verb->add_flag("--json", options->json, "metrics.json on stdout instead of the table");
  verb->footer(
      "A run that was stopped or killed goes on when the same command is given again, and ends with the same bytes.\n"
      "Ctrl-C finishes the step, saves and exits with code 6; a second one exits at once.\n"
      "Several processes train one model together where a launcher such as torchrun starts them (docs/reproduce.md).\n"
      "Example:\n"
      "  kuda train -d mosi -m kuda -c configs/kuda_mosi.toml --encoder bert-base-uncased -s 1111 -s 1112 --out "
      "runs/m\n"
      "  kuda train -d clips -m kuda --encoder encoders/minilm --modalities T,A --set train.epochs=20");
  verb->callback([options] {
    const auto& stop = catch_stop_signals();
    ExtractorKeeper extractor(options->models);  // all runs of a call have the same data
    bool is_first = true;
    std::filesystem::path last;
    options->run.for_each_run([&](auto& config, const auto& folder, auto& progress, const auto& group) {
      if (!options->pretrained.empty()) config.pretrained = options->pretrained;
      run_training(config, folder, progress, stop, options->restart, group);
      if (!group.is_first()) return;
      extractor.keep(folder / "model", config.data);
      if (options->explain) explain_run(folder, config, stop);
      if (!is_first && !options->json) std::cout << '\n';
      is_first = false;
      if (options->json)
        std::cout << read_file(folder / "metrics.json");
      else
        std::cout << folder.string() << '\n' << read_report(folder / "metrics.json").table(Split::test);
      last = folder;
    });
    if (options->run.seeds.size() > 1 && !options->json && !last.empty())
      std::cout << fmt::format("\nnext: kuda report {} --out report   (means over the seeds, intervals)\n",
                               last.parent_path().string());
  });
}

}  // namespace kuda

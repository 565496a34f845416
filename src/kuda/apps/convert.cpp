// kuda convert: weights of the published Python code to a checkpoint folder, and back.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "kuda/apps/run_options.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/runs/published_weights.h"

namespace kuda {

namespace {

struct ConvertArguments {
  RunOptions run;
  std::string source, out, like, task;
  ExportOptions written;
};

std::string names_suffix(const std::string& names) { return names.empty() ? "" : fmt::format(", names '{}'", names); }

/// Each direction has options of its own; one of the other is a slip.
void check_options(const ConvertArguments& arguments, const CLI::App& verb, bool is_out) {
  for (const auto* option : verb.get_options()) {
    const auto name = option->get_name();
    if (option->count() == 0 || option->get_positional() || option == verb.get_help_ptr()) continue;
    const bool is_for_out = name == "--prefix" || name == "--names";
    if (is_out != is_for_out)
      throw UsageError(fmt::format("convert: {} goes with {}, and {} is {}", name,
                                   is_out ? "a file to read" : "a checkpoint folder to write from", arguments.source,
                                   is_out ? "a folder" : "none"));
    if (!is_out && !arguments.like.empty() && name != "--like")
      throw UsageError("convert: --like says all that " + name + " does", "give one of the two");
  }
}

void convert_in(const ConvertArguments& options) {
  ImportResult result;
  if (options.like.empty()) {
    RunConfig config = options.run.config();
    if (config.data.empty())
      throw UsageError("convert: the weights alone do not say what data the model reads",
                       "name a data set of the same features with -d, or a checkpoint of the same shape with --like");
    result = import_published(options.source, options.out, config, options.task.empty() ? kMainTask : options.task);
  } else {
    result = import_published(options.source, options.out, load_checkpoint(options.like));
  }
  std::cout << fmt::format("{}: checkpoint with the {} tensors of {}{}\n", result.folder.string(), result.num_tensors,
                           options.source, names_suffix(result.names));
}

void convert_out(const ConvertArguments& options) {
  const auto checkpoint = load_checkpoint(options.source);
  const auto written = export_published(checkpoint, options.out, options.written);
  std::cout << fmt::format("{}: {} tensors of {}{}\n", options.out, written, checkpoint.config.model,
                           names_suffix(options.written.names));
  if (find_model(checkpoint.config.model).is_unused)
    std::cout << "the published class also holds tensors that nothing reads: load_state_dict(..., strict=False)\n";
}

}  // namespace

void add_convert(CLI::App& program) {
  auto options = std::make_shared<ConvertArguments>();
  auto* verb = program.add_subcommand("convert", "Weights of the published Python code to a checkpoint, and back.");
  verb->add_option("source", options->source, "state dictionary (.pth, .bin, .safetensors), or a checkpoint folder")
      ->required();
  verb->add_option("out", options->out, "checkpoint folder, or the file to write (.pth, .bin, .safetensors)")
      ->required();
  options->run.add_to(*verb);
  verb->add_option("--like", options->like, "checkpoint folder whose model, options and shapes the weights have");
  verb->add_option("--task", options->task, "the weights are stage 1 of one modality: text, vision or audio");
  verb->add_option("--prefix", options->written.prefix, "before every name; MMSA wants Model.");
  verb->add_option("--names", options->written.names, "other published names, for example mmsa of almt");
  verb->footer(
      "In: files are recognised by content; the only dictionary of tensors is taken, wherever it lies, and names with\n"
      "whatever a wrapper put before them. Sizes are those of -c, --set and --profile, widths those of the data.\n"
      "Out: torch.load(FILE, weights_only=True) reads it. docs/published-weights.md lists names and limits.\n"
      "Example:\n"
      "  kuda convert self_mm-mosi.pth self_mm -m self_mm -c configs/self_mm_mosi.toml -d mosi "
      "--encoder bert-base-uncased\n"
      "  kuda predict self_mm -d mosi --split test\n"
      "  kuda convert T.pth stage1 -m kuda --profile released -d sims --encoder bert-base-chinese --task text\n"
      "  kuda convert runs/first mine.pth --prefix Model.");
  verb->callback([options, verb] {
    const bool is_out = std::filesystem::is_directory(options->source);
    check_options(*options, *verb, is_out);
    is_out ? convert_out(*options) : convert_in(*options);
  });
}

}  // namespace kuda

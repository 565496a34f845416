// kuda embed: what a model makes of clips, in the plane.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/reports/embedding.h"

namespace kuda {

namespace {

namespace fs = std::filesystem;

struct EmbedArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  std::size_t clips = 2000;
  double perplexity = 30;
};

/// At most `most` of the rows, evenly spaced, so that the same clips are shown each time.
std::vector<std::int64_t> spread(const std::vector<std::int64_t>& rows, std::size_t most) {
  if (rows.size() <= most) return rows;
  std::vector<std::int64_t> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(rows[i * rows.size() / most]);
  return some;
}

void embed_clips(const EmbedArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  const auto scoring = options.scoring.options();
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_info("{}", note);
  const auto all = rows_of(dataset, options.scoring.split);
  const auto rows = spread(all, options.clips);
  if (rows.size() < all.size()) log_info("{} of {} clips are shown (--clips)", rows.size(), all.size());
  const auto& model = find_model(scorer.checkpoint().config.model);
  if (scorer.checkpoint().facts.task != kMainTask)  // before any work; a model without features: collect_features
    throw CheckpointError(
        fmt::format("{}: the pretraining task of '{}' names no features to show", options.checkpoint, model.name));
  const double perplexity = fitting_perplexity(std::int64_t(rows.size()), options.perplexity);  // fail before the work
  const auto& stop = catch_stop_signals();
  ConsoleProgress progress;
  const auto features = collect_features(
      *scorer.checkpoint().model, model, [&](const auto& part) { return scorer.collator()(part); }, rows,
      {scoring.batch_size, torch::Device(scoring.device), "embed", can_draw_on_stderr() ? &progress : nullptr, &stop});
  EmbedOptions embed_options;
  embed_options.perplexity = perplexity;
  embed_options.each_iteration = [&](const std::string& panel, std::int64_t done, std::int64_t iterations) {
    if (stop) throw Interrupted("stopped; nothing was written");
    progress.step({"t-SNE " + panel, 0, 0, done, iterations, 0, std::numeric_limits<double>::quiet_NaN()});
  };
  const auto embedding = embed(features, embed_options);
  const fs::path out(options.out);
  make_folder(out);
  write_features(out / "features.safetensors", features,
                 {{"model", model.name}, {"data", dataset.name}, {"fingerprint", dataset.fingerprint}});
  write_file(out / "embedding.csv", embedding_csv(embedding));
  const auto title = fmt::format(
      "{} on {}{}, {}: {} clips", model.title, dataset.name, dataset.is_synthetic ? " (synthetic data)" : "",
      options.scoring.split == "all" ? "all splits" : options.scoring.split + " split", rows.size());
  draw(embedding_figure(embedding, title, dataset.score_low, dataset.score_high), out);
  std::cout << embedding_table(embedding);
}

}  // namespace

void add_embed(CLI::App& program) {
  auto options = std::make_shared<EmbedArguments>();
  auto* verb = program.add_subcommand("embed", "Features of each modality and of the fusion in the plane, by t-SNE.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  options->scoring.add_to(*verb, "test");
  verb->add_option("--clips", options->clips, "at most this many clips, evenly spaced; the time grows with its square")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t(kFewestTsnePoints), std::size_t(kMostTsnePoints)));
  verb->add_option("--perplexity", options->perplexity, "effective number of neighbours of a clip")
      ->capture_default_str();
  verb->add_option("--out", options->out, "folder for embedding.csv, features.safetensors and the figure")->required();
  verb->footer(
      "Exact t-SNE from the first two principal components: no random start, so the same picture each time.\n"
      "Distances between heaps and sizes of heaps in such a picture mean nothing; trustworthiness says how many\n"
      "neighbours in it are neighbours (1: all, about 0.5: none).\n"
      "Example:\n"
      "  kuda embed runs/first -d mosi --out embedding\n"
      "  kuda embed runs/first -d mosi --split train --clips 500 --perplexity 50 --out embedding-train");
  verb->callback([options] { embed_clips(*options); });
}

}  // namespace kuda

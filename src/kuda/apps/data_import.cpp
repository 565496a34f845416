// kuda data import: a prepared folder from a feature file, or from label.csv and one array file per modality.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <vector>

#include "kuda/apps/data_verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/data/csd/csd_file.h"
#include "kuda/data/csd/csd_import.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/table_import.h"

namespace kuda {

namespace {

struct ImportArguments {
  std::string source, folder, family, splits, pool = "none", openface = "all";
  PerModality<std::string> feature;
  std::vector<double> range;
  DataFacts facts;
};

Dataset import_source(const ImportArguments& options) {
  DataFacts facts = options.facts;
  if (!options.family.empty()) facts.family = metric_family(options.family);
  if (!options.range.empty()) facts.score_range = {options.range[0], options.range[1]};
  const bool is_sequence_file = is_csd(options.source);
  if (!is_sequence_file && (!options.splits.empty() || options.pool != "none"))
    throw UsageError("--splits and --pool go with a label sequence (.csd), not with " + options.source);
  if (is_table(options.source)) {
    TableSources sources;
    sources.labels = options.source;
    for (const auto m : kModalities) sources.feature[m] = options.feature[m];
    sources.openface = value_of<OpenFaceColumns>(options.openface, "choice of columns");
    return import_table(sources, options.folder, facts);
  }
  if (is_sequence_file) {
    CsdSources sources;
    sources.labels = options.source;
    for (const auto m : kModalities) sources.feature[m] = options.feature[m];
    sources.splits = options.splits;
    sources.pool = value_of<CsdPool>(options.pool, "pool");
    return import_csd(sources, options.folder, facts);
  }
  for (const Modality modality : kModalities)
    if (!options.feature[modality].empty())
      throw UsageError(fmt::format("--{} goes with a label.csv, not with {}", modality_name(modality), options.source));
  return import_mmsa(options.source, options.folder, facts);
}

}  // namespace

void add_data_import(CLI::App& data) {
  auto options = std::make_shared<ImportArguments>();
  auto* verb = data.add_subcommand("import", "Make a prepared folder: packed, memory-mapped, open at once.");
  verb->add_option("source", options->source,
                   "feature file (*.pkl), or label.csv or a label sequence (.csd) with --vision and so on")
      ->required();
  verb->add_option("out", options->folder, "prepared folder to write")->required();
  for (const Modality modality : kModalities) {
    const std::string name(modality_name(modality));
    verb->add_option("--" + name, options->feature[modality],
                     modality == Modality::vision
                         ? "array of label.csv's rows: .npy, .npz or .safetensors, or a folder of OpenFace's tables; "
                           ".csd beside a label sequence"
                         : "array of label.csv's rows: .npy, .npz or .safetensors; .csd beside a label sequence");
    verb->add_option("--" + name + "-extractor", options->facts.extractor[modality],
                     "what the numbers are, for the data card");
  }
  verb->add_option("--name", options->facts.name, "name of the data set (default: found from the split sizes)");
  verb->add_option("--language", options->facts.language, "en, zh, ...");
  verb->add_option("--family", options->family, "metrics: sims or mosi");
  verb->add_option("--range", options->range, "lowest and highest score, for example -1 1")->expected(2);
  verb->add_option("--splits", options->splits, "of .csd: table of video_id and mode (default: all clips are test)");
  verb->add_option("--pool", options->pool,
                   "of .csd: none = every frame, words = mean over each word of --text, clip = one mean frame")
      ->check(CLI::IsMember({"none", "words", "clip"}))
      ->capture_default_str();
  verb->add_option("--openface-columns", options->openface,
                   "of OpenFace's tables: all (709), or the published choice (177: pose, landmarks, action units)")
      ->check(CLI::IsMember({"all", "published"}))
      ->capture_default_str();
  verb->footer(
      "Example:\n"
      "  kuda data import unaligned_50.pkl mosi\n"
      "  kuda data import label.csv mine --vision vision.npy --audio audio.npz --family sims --language en\n"
      "  kuda data import label.csv mine --vision processed --openface-columns published\n"
      "  kuda data import Opinion_Labels.csd mosi --text Words.csd --audio COVAREP.csd --splits splits.csv");
  verb->callback([options] {
    const auto dataset = import_source(*options);
    std::cout << fmt::format("{}: {} clips (train {}, valid {}, test {}) of '{}'\n", options->folder,
                             dataset.clips.size(), dataset.rows(Split::train).size(), dataset.rows(Split::valid).size(),
                             dataset.rows(Split::test).size(), dataset.name);
  });
}

}  // namespace kuda

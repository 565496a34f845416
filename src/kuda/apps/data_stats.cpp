// kuda data stats: label counts (Table 1 of the KuDA paper) and the shares behind its Figures 7 and 8.

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <memory>

#include "kuda/apps/data_verbs.h"
#include "kuda/base/log.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/doctor/stats.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/evaluation/dominance_bound.h"

namespace kuda {

namespace {

const std::map<std::string, Ties> kTies{
    {"tolerant", Ties::tolerant}, {"float64", Ties::exact_float64}, {"float32", Ties::exact_float32}};

void warn_of_repeated(const std::vector<Clip>& clips, const std::string& path) {
  if (const auto repeated = repeated_ids(clips); !repeated.empty())
    log_warning("{}: {} clips have the id of another clip and are counted beside it: {}", path, repeated.size(),
                clips_of_id(clips, repeated.front()));
}

}  // namespace

void add_data_stats(CLI::App& data) {
  struct Options {
    std::string path;
    Ties ties = Ties::tolerant;
    double k = 6;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = data.add_subcommand("stats", "Count labels, and clips by dominant modality and by noise.");
  verb->add_option("data", options->path,
                   "feature file (*.pkl), prepared folder or label.csv; or a table with unimodal scores, as a run's "
                   "predictions.csv: then also what a ratio between the modalities can be worth on them")
      ->required();
  verb->add_option("--ties", options->ties,
                   "when two modalities are equally near to the label: tolerant (default), "
                   "or as float64 or float32 happen to round")
      ->transform(CLI::CheckedTransformer(kTies))
      ->type_name("RULE");
  verb->add_option("--k", options->k, "of unimodal scores: slope of the ratio exp(-k d); 6 for labels in [-1, 1]")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "Example:\n  kuda data stats label.csv\n  kuda data stats simsv2 --json\n"
      "  kuda data stats runs/sims/kuda/1/predictions.csv");
  verb->callback([options] {
    std::vector<Clip> clips;
    if (is_table(options->path)) {
      auto table = io::read_any_csv(options->path);
      if (has_unimodal_scores(table)) {
        const auto bound = measure_bound(unimodal_scores(table), options->k);
        std::cout << (options->json ? bound_json(bound) : bound_text(bound));
        return;
      }
      clips = clips_of_table(std::move(table), ClipTable::mmsa);
    } else {
      clips = open_dataset(options->path).clips;
    }
    warn_of_repeated(clips, options->path);
    std::cout << (options->json ? statistics_json(clips, options->ties) : statistics_text(clips, options->ties));
  });
}

}  // namespace kuda

#include "kuda/apps/evaluate_missing.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "kuda/apps/stop_signal.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/base/named_values.h"
#include "kuda/evaluation/missing.h"
#include "kuda/reports/missing_table.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// A checkpoint to score, and how the tables call its system.
struct Scored {
  fs::path folder;
  std::string system;
  std::int64_t seed = 0;
  std::size_t place = 0;  ///< of the system among all
};

bool is_checkpoint(const fs::path& path) {
  return fs::exists(path / "config.json") || fs::exists(path / "model" / "config.json");
}

/// Every checkpoint at or below the paths.
std::vector<Scored> find_checkpoints(const std::vector<std::string>& paths) {
  std::vector<Scored> found;
  for (const auto& path : paths) {
    if (is_checkpoint(path) && !fs::exists(fs::path(path) / "metrics.json")) {
      const auto checkpoint = load_checkpoint(path);
      found.push_back({path, checkpoint.config.model, checkpoint.config.seed});
      continue;
    }
    auto runs = find_runs({fs::path(path)});
    for (const auto& folder : runs.unfinished) log_warning("{}: not finished, left out", folder.string());
    for (auto& run : runs.finished) found.push_back({run.folder, run.system, run.report.facts.seed});
  }
  return found;
}

/// The systems in the order found, each seed once; says of each checkpoint which is its system.
std::vector<MissingSystem> systems_of(std::vector<Scored>& checkpoints) {
  std::vector<MissingSystem> systems;
  for (auto& scored : checkpoints) {
    const auto known =
        std::find_if(systems.begin(), systems.end(), [&](const auto& s) { return s.name == scored.system; });
    scored.place = std::size_t(known - systems.begin());
    if (known == systems.end()) systems.push_back({scored.system, {}, {}});
    auto& system = systems[scored.place];
    if (std::find(system.seeds.begin(), system.seeds.end(), scored.seed) != system.seeds.end())
      throw DataError(
          fmt::format("{}: a second run of '{}' with seed {}", scored.folder.string(), scored.system, scored.seed),
          "variants are told apart by folders DATA/MODEL+VARIANT/SEED");
    system.seeds.push_back(scored.seed);
  }
  return systems;
}

std::string as_json(const std::vector<MissingSystem>& systems) {
  nlohmann::ordered_json root;
  for (const auto& system : systems)
    for (std::size_t i = 0; i < system.seeds.size(); ++i)
      root["systems"][system.name][std::to_string(system.seeds[i])] =
          nlohmann::ordered_json::parse(missing_json(system.reports[i]));
  return root.dump(2) + "\n";
}

/// Why a curve is flat, whatever the model; empty where it need not be.
std::string why_flat(const Scorer& scorer, const MissingOptions& options) {
  const auto& modalities = scorer.collator().config().modalities;
  if (modalities.size() != 1) return "";
  if (options.kind == CorruptionKind::noise && modalities.front() == modality_name(Modality::text))
    return "it reads text alone, to which --lose-as noise does nothing";
  // Of a clip that would lose all modalities in use one stays.
  if (options.kind == CorruptionKind::modality && std::ranges::count(options.patterns, "random") > 0)
    return "it reads one modality alone, of which --lose random takes nothing";
  return "";
}

}  // namespace

void MissingArguments::add_to(CLI::App& verb, CLI::Option* by) {
  asked = verb.add_option(
                  "--missing", rates,
                  "scores at each of these missing rates, first:last:step or with commas, and the area under the curve")
              ->excludes(by);
  verb.add_option("--lose", lose,
                  "what is lost: random (each modality by a draw of its own), each (T, V, A), pairs, or letters as "
                  "T,TA; several with commas")
      ->needs(asked)
      ->capture_default_str();
  verb.add_option(
          "--lose-as", as,
          "modality (whole modalities of a share of the clips), frames (a share of the frames and words), noise "
          "(the rate is its deviation, in deviations of the clip's own column; words stay)")
      ->needs(asked)
      ->check(CLI::IsMember(std::vector<std::string>(kNamesOf<CorruptionKind>.begin(), kNamesOf<CorruptionKind>.end())))
      ->capture_default_str();
  verb.add_option("--lose-seed", seed, "which clips lose what; the same for every system")
      ->needs(asked)
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
      ->capture_default_str();
}

void evaluate_missing(const std::vector<std::string>& paths, const ScoringArguments& scoring,
                      const MissingArguments& missing, const std::string& out, bool json) {
  const MissingOptions options{missing_rates(missing.rates), value_of<CorruptionKind>(missing.as, "--lose-as"),
                               missing_patterns(missing.lose), std::uint64_t(missing.seed)};
  if (options.kind != CorruptionKind::noise && options.rates.back() > 1)
    throw UsageError(fmt::format("--missing {}: a rate of {}, expected 0 to 1", missing.rates, options.rates.back()),
                     "with --lose-as noise rates may be larger");
  const auto dataset = open_dataset(scoring.data);
  const auto rows = rows_of(dataset, scoring.split);
  std::optional<ConsoleProgress> progress(std::in_place);
  auto scoring_options = scoring.options();
  scoring_options.progress = can_draw_on_stderr() ? &*progress : nullptr;
  scoring_options.stop = &catch_stop_signals();
  auto checkpoints = find_checkpoints(paths);
  auto systems = systems_of(checkpoints);
  for (const auto& scored : checkpoints) {
    const Scorer scorer(scored.folder, dataset, scoring_options);
    for (const auto& note : scorer.notes()) log_warning("{}", note);
    if (const auto why = why_flat(scorer, options); !why.empty())
      log_warning("{}: {}: that curve is flat and no comparison", scored.folder.string(), why);
    systems[scored.place].reports.push_back(measure_missing(scorer, rows, options));
    if (checkpoints.size() > 1) progress->line(fmt::format("{} {}: done", scored.system, scored.seed));
  }
  progress.reset();  // the bar goes before the tables come
  const auto object = as_json(systems);
  if (!out.empty()) {
    make_folder(out);
    write_file(fs::path(out) / "missing.json", object);
    write_file(fs::path(out) / "missing.csv", format_csv(systems));
    for (std::size_t pattern = 0; pattern < options.patterns.size(); ++pattern)
      draw(missing_figure(systems, pattern), out);
  }
  std::cout << (json                      ? object
                : checkpoints.size() == 1 ? missing_text(systems.front().reports.front())
                                          : format_text(systems));
}

}  // namespace kuda

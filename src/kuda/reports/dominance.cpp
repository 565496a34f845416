#include "kuda/reports/dominance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "kuda/reports/run_json.h"

namespace kuda {
namespace {

/// What the first run that holds it says of the rule; nothing for data that are not synthetic, and for older runs.
std::optional<DominanceData> facts_of_rule(const DataSetRuns& data) {
  const auto place = "/data/synthetic/" + std::string(split_name(data.split));
  for (const auto& system : data.systems)
    for (const auto& run : system.runs) {
      const auto object = run_json(run);
      DominanceData facts;
      facts.bound = number_at(object, place + "/bound");
      facts.noise = number_at(object, place + "/noise");
      if (std::isnan(facts.bound) || std::isnan(facts.noise)) continue;
      facts.name = data.name;
      facts.num_clips = data.ids.size();
      facts.decoder = number_at(object, place + "/decoder_mae");
      facts.conflict = number_at(object, place + "/conflict");
      for (const auto modality : kModalities)
        facts.dominant[modality] = number_at(object, place + "/dominant/" + std::string(modality_name(modality)));
      return facts;
    }
  return std::nullopt;
}

std::vector<double> maes_of(const DataSetRuns& data, const SystemRuns& system) {
  std::vector<double> seeds;
  for (const auto& scores : system.scores)
    seeds.push_back(evaluate_metrics(data.facts.family, scores, data.labels).value("MAE"));
  return seeds;
}

std::array<NamingRate, kExplanations.size()> naming_of(const DataSetRuns& data, const SystemRuns& system) {
  std::array<std::array<std::vector<double>, 3>, kExplanations.size()> values;  // [explanation][named, chance, excess]
  for (const auto& run : system.runs) {
    const auto object = run_json(run, "explain.json");
    if (text_at(object, "/split") != split_name(data.split) ||
        text_at(object, "/data_fingerprint") != data.facts.data_fingerprint)
      continue;
    for (std::size_t e = 0; e < kExplanations.size(); ++e) {
      const auto place = std::string("/summary/") + kExplanations[e];
      const double named = number_at(object, place + "/names_truth");
      const double chance = number_at(object, place + "/names_truth_by_chance");
      if (std::isnan(named) || std::isnan(chance)) continue;
      values[e][0].push_back(named);
      values[e][1].push_back(chance);
      values[e][2].push_back(named - chance);
    }
  }
  std::array<NamingRate, kExplanations.size()> rates;
  for (std::size_t e = 0; e < kExplanations.size(); ++e)
    rates[e] = {summarise(values[e][0]), summarise(values[e][1]), summarise(values[e][2])};
  return rates;
}

using SeedMaes = std::map<std::int64_t, double>;  // by seed

/// By data set and system.
std::map<std::string, std::map<std::string, SeedMaes>> seed_maes(const std::vector<const DataSetRuns*>& all) {
  std::map<std::string, std::map<std::string, SeedMaes>> maes;
  for (const auto* data : all)
    for (const auto& system : data->systems) {
      const auto values = maes_of(*data, system);
      for (std::size_t i = 0; i < values.size(); ++i)
        maes[data->name][system.name][system.runs[i].report.facts.seed] = values[i];
    }
  return maes;
}

/// The data sets are in the order of their noise.
void add_growth(DominanceTable& table, const std::vector<const DataSetRuns*>& used) {
  table.growth.resize(table.systems.size());
  const auto& data = table.data;
  const auto n = data.size();
  const bool is_unique = n > 1 && data[0].noise < data[1].noise && data[n - 1].noise > data[n - 2].noise;
  if (!is_unique) return;
  auto maes = seed_maes(used);
  for (std::size_t i = 0; i < table.systems.size(); ++i) {
    std::vector<double> differences;
    const auto& most = maes[data.back().name][table.systems[i]];
    for (const auto& [seed, least] : maes[data.front().name][table.systems[i]])
      if (const auto found = most.find(seed); found != most.end()) differences.push_back(found->second - least);
    table.growth[i] = summarise(differences);
  }
}

/// Which program made the runs, and when.
void add_origin(DominanceTable& table, const std::vector<const DataSetRuns*>& used) {
  std::set<std::string> revisions, days;
  for (const auto* data : used)
    for (const auto& system : data->systems)
      for (const auto& run : system.runs) {
        const auto object = run_json(run);
        if (const auto revision = text_at(object, "/versions/revision"); !revision.empty()) revisions.insert(revision);
        if (const auto time = text_at(object, "/finished_at"); !time.empty()) days.insert(time.substr(0, 10));
      }
  table.revisions.assign(revisions.begin(), revisions.end());
  if (days.empty()) return;
  table.first_day = *days.begin();
  table.last_day = *days.rbegin();
}

}  // namespace

std::optional<DominanceTable> make_dominance_table(const std::vector<DataSetRuns>& all) {
  DominanceTable table;
  std::vector<const DataSetRuns*> used;
  std::set<std::string> systems;
  for (const auto& data : all) {
    auto facts = facts_of_rule(data);
    if (!facts) continue;
    used.push_back(&data);
    table.split = data.split;
    for (const auto& system : data.systems) {
      systems.insert(system.name);
      facts->rows.push_back({system.name, system.is_chosen_on_test(), system.runs.size(),
                             summarise(maes_of(data, system)), naming_of(data, system)});
    }
    table.data.push_back(std::move(*facts));
  }
  if (used.empty()) return std::nullopt;
  std::sort(table.data.begin(), table.data.end(),
            [](const auto& a, const auto& b) { return std::tie(a.noise, a.name) < std::tie(b.noise, b.name); });
  table.systems.assign(systems.begin(), systems.end());
  add_growth(table, used);
  add_origin(table, used);
  return table;
}

}  // namespace kuda

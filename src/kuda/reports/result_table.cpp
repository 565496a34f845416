#include "kuda/reports/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/evaluation/late_fusion.h"
#include "kuda/metrics/label_scale.h"

namespace kuda {
namespace {

/// Metrics of each seed as cells; the intervals over clips where `scores` are given.
std::vector<ResultCell> cells_of(const DataSetRuns& data, const std::vector<MetricColumn>& columns,
                                 const std::vector<Metrics>& seeds, const SeedScores& scores) {
  std::map<std::string, Interval> intervals;
  if (!scores.empty()) intervals = metric_intervals(data.facts.family, scores, data.labels);
  std::vector<ResultCell> cells;
  for (const auto& column : columns) {
    std::vector<double> values;
    auto& cell = cells.emplace_back();
    for (const auto& metrics : seeds) {
      values.push_back(metrics.value(column.metric));
      for (const auto& metric : metrics.values)
        if (metric.name == column.metric) cell.n = metric.n;
    }
    cell.seeds = summarise(values);
    if (!scores.empty()) cell.clips = intervals.at(column.metric);
  }
  return cells;
}

/// The metrics of a row of metrics.json ("model", "text_only", ...), one per run that has it.
std::vector<Metrics> stored_metrics(const SystemRuns& system, Split split, const std::string& key) {
  std::vector<Metrics> found;
  for (const auto& run : system.runs)
    for (const auto& row : run.report.splits[std::size_t(split)])
      if (row.key == key) found.push_back(row.metrics);
  return found;
}

void add_label_scale(ResultTable& table, const DataSetRuns& data) {
  if (const auto problem = off_scale(data.facts.family, data.labels); !problem.empty()) table.notes.push_back(problem);
}

void add_system(ResultTable& table, const DataSetRuns& data, const SystemRuns& system) {
  const auto seeds = stored_metrics(system, data.split, "model");
  table.rows.push_back({system.name, false, system.is_chosen_on_test(), seeds.size(),
                        cells_of(data, table.columns, seeds, system.scores)});
  std::map<std::string, std::vector<std::string>> degenerate;
  for (std::size_t i = 0; i < seeds.size(); ++i)
    if (!seeds[i].degenerate.empty())
      degenerate[seeds[i].degenerate].push_back(std::to_string(system.runs[i].report.facts.seed));
  for (const auto& [reason, which] : degenerate)
    table.notes.push_back(fmt::format("{}, seed{} {}: degenerate predictor: {}", system.name,
                                      which.size() == 1 ? "" : "s", join(which), reason));
}

bool is_same(const Metrics& a, const Metrics& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), [](auto& x, auto& y) {
    return x.name == y.name && (x.value == y.value || (std::isnan(x.value) && std::isnan(y.value)));
  });
}

/// Mean and majority come from the training labels, which all runs share.
void add_constant_baseline(ResultTable& table, const DataSetRuns& data, const std::string& key) {
  std::vector<Metrics> all;
  for (const auto& system : data.systems)
    for (auto& metrics : stored_metrics(system, data.split, key)) all.push_back(std::move(metrics));
  if (all.empty()) return;
  if (!std::all_of(all.begin(), all.end(), [&](const auto& metrics) { return is_same(metrics, all.front()); }))
    table.notes.push_back(fmt::format("'{}' is that of {}: the runs were trained on different labels", key,
                                      data.systems.front().runs.front().folder.string()));
  table.rows.push_back({key, true, false, 0, cells_of(data, table.columns, {all.front()}, {})});
}

void add_text_only(ResultTable& table, const DataSetRuns& data, const SystemRuns& system) {
  const auto seeds = stored_metrics(system, data.split, "text_only");
  if (seeds.empty()) return;
  table.rows.push_back({fmt::format("text only ({})", system.name), true, system.is_chosen_on_test(), seeds.size(),
                        cells_of(data, table.columns, seeds, {})});
}

void add_late_fusion(ResultTable& table, const DataSetRuns& data, const SystemRuns& system) {
  SeedScores scores;
  std::vector<Metrics> seeds;
  std::set<std::string> methods;
  for (std::size_t i = 0; i < system.runs.size(); ++i) {
    auto fused = fuse_late(system.valid[i], system.predictions[i]);
    if (fused.scores.empty()) return;
    methods.insert(fused.method);
    seeds.push_back(evaluate_metrics(data.facts.family, fused.scores, data.labels));
    scores.push_back(std::move(fused.scores));
  }
  const std::vector<std::string> names(methods.begin(), methods.end());
  table.rows.push_back({fmt::format("late fusion ({})", system.name), true, system.is_chosen_on_test(), seeds.size(),
                        cells_of(data, table.columns, seeds, scores)});
  table.notes.push_back(fmt::format("late fusion ({}): its unimodal scores by {} ({} validation clips)", system.name,
                                    join(names, " and "), system.valid.front().size()));
}

bool is_better(const MetricColumn& column, double a, double b) { return column.metric == "MAE" ? a < b : a > b; }

/// Index of the best row of a kind in one column; none where no value is defined.
std::optional<std::size_t> best_row(const ResultTable& table, std::size_t column, bool is_baseline) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    if (row.is_baseline != is_baseline || row.is_chosen_on_test || std::isnan(row.cells[column].seeds.mean)) continue;
    if (!best ||
        is_better(table.columns[column], row.cells[column].seeds.mean, table.rows[*best].cells[column].seeds.mean))
      best = i;
  }
  return best;
}

/// Tests of one column against the row `reference`.
void test_column(ResultTable& table, const DataSetRuns& data, std::size_t column, std::size_t reference) {
  const auto& metric = table.columns[column].metric;
  std::vector<double> p_values;
  for (std::size_t i = 0; i < data.systems.size(); ++i) {
    const bool is_tested = i != reference && !table.rows[i].is_chosen_on_test;
    p_values.push_back(is_tested ? paired_test(data.facts.family, metric, data.systems[reference].scores,
                                               data.systems[i].scores, data.labels)
                                 : kUndefined);
  }
  const auto corrected = holm(p_values, table.num_hypotheses);
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    table.rows[i].cells[column].p = p_values[i];
    table.rows[i].cells[column].corrected_p = corrected[i];
  }
}

std::size_t index_of(const DataSetRuns& data, const std::string& reference) {
  std::vector<std::string> names;
  for (const auto& system : data.systems) names.push_back(system.name);
  const auto found = std::find(names.begin(), names.end(), reference);
  if (found == names.end())
    throw DataError(fmt::format("no system '{}' on '{}' to compare with", reference, data.name),
                    suggestion(reference, names));
  return std::size_t(found - names.begin());
}

void compare_systems(ResultTable& table, const DataSetRuns& data, const std::string& reference,
                     const std::function<void()>& done) {
  const auto systems = std::size_t(std::count_if(table.rows.begin(), table.rows.end(), [](const auto& row) {
    return !row.is_baseline && !row.is_chosen_on_test;
  }));
  table.references.assign(table.columns.size(), "");
  const auto named = reference.empty() ? std::nullopt : std::optional(index_of(data, reference));
  if (named && table.rows[*named].is_chosen_on_test)
    throw DataError(fmt::format("'{}' was chosen on the test split: nothing can be compared with it", reference));
  table.num_hypotheses = systems < 2 ? 0 : named ? systems - 1 : systems * (systems - 1) / 2;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    done();
    const auto best = best_row(table, column, false);
    if (!best) continue;
    table.rows[*best].cells[column].is_best = true;
    if (systems < 2) continue;
    table.references[column] = table.rows[named.value_or(*best)].name;
    test_column(table, data, column, named.value_or(*best));
  }
}

/// "MAE against kuda: lmf (p = 0.43), tfn (p = 1)", one line per column that has a test.
void note_not_separable(ResultTable& table) {
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    std::vector<std::string> names;
    for (const auto& row : table.rows)
      if (row.cells[column].is_not_separable())
        names.push_back(fmt::format("{} (p = {:.2g})", row.name, row.cells[column].corrected_p));
    if (!names.empty())
      table.notes.push_back(fmt::format("not separable from {} by {}: {}", table.references[column],
                                        table.columns[column].title, join(names)));
  }
}

/// Says plainly where no system beats a predictor that knows less.
void note_baselines(ResultTable& table) {
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const auto system = best_row(table, column, false), baseline = best_row(table, column, true);
    if (!system || !baseline) continue;
    const auto &best = table.rows[*system], &floor = table.rows[*baseline];
    if (!is_better(table.columns[column], best.cells[column].seeds.mean, floor.cells[column].seeds.mean))
      table.notes.push_back(
          fmt::format("{}: no system is better than the baseline '{}'", table.columns[column].title, floor.name));
  }
}

}  // namespace

ResultTable make_result_table(const DataSetRuns& data, const std::string& reference, Progress* progress) {
  const auto task = "report: " + data.name;
  ResultTable table;
  table.title = data.title();
  table.data = data.name;
  table.facts = data.facts;
  table.split = data.split;
  table.num_clips = data.labels.size();
  table.columns = metric_columns(data.facts.family);
  add_label_scale(table, data);
  std::size_t done = 0;
  const auto steps = 2 * data.systems.size() + table.columns.size();  // two bootstraps a system, a test a column
  const auto told = [&] { tell(progress, task, ++done, steps); };
  for (const auto& system : data.systems) {
    add_system(table, data, system);
    told();
  }
  for (const auto& system : data.systems) add_text_only(table, data, system);
  for (const auto& system : data.systems) {
    add_late_fusion(table, data, system);
    told();
  }
  for (const char* key : {"mean", "majority"}) add_constant_baseline(table, data, key);
  compare_systems(table, data, reference, told);
  note_not_separable(table);
  note_baselines(table);
  for (const auto& row : table.rows)
    if (row.is_chosen_on_test)
      table.notes.push_back(
          fmt::format("{}: its epochs were chosen on the test split: a diagnostic, not a result", row.name));
  return table;
}

std::string display_name(const ResultRow& row) { return row.name + (row.is_chosen_on_test ? " (chosen on test)" : ""); }

std::string marks_of(const ResultCell& cell) {
  const std::string marks = std::string(cell.is_best ? "*" : "") + (cell.is_not_separable() ? "~" : "");
  return marks.empty() ? marks : " " + marks;
}

std::string display_value(const MetricColumn& column, const ResultCell& cell) {
  auto text = format_metric(column.metric, cell.seeds.mean);
  if (!std::isnan(cell.seeds.deviation)) text += " ± " + format_metric(column.metric, cell.seeds.deviation);
  return text;
}

}  // namespace kuda

// Runs: training with its progress, and what a trained model says of a data set. The sentences of `kuda train`,
// `predict`, `evaluate`, `compare` and `explain`, without their printing.

#include <torch/torch.h>

#include <map>
#include <utility>

#include "kuda/base/progress.h"
#include "kuda/bindings/modules.h"
#include "kuda/checkpoint/score_range.h"
#include "kuda/evaluation/compare.h"
#include "kuda/evaluation/scorer.h"
#include "kuda/evaluation/subsets.h"
#include "kuda/experiments/explain_run.h"
#include "kuda/explain/explain.h"
#include "kuda/models/model.h"
#include "kuda/runs/procedure.h"
#include "kuda/tensor/device.h"

namespace kuda::bindings {
namespace {

namespace fs = std::filesystem;

/// Hands on what happens to an object of Python with step, epoch and line. A signal, or what the object raises, asks
/// for a clean stop: the work is saved, and then it is raised.
class PythonProgress final : public Progress {
 public:
  explicit PythonProgress(py::object listener) : listener_(std::move(listener)) {}
  std::atomic<bool> stop{false};
  PendingError pending;

  void step(const ProgressStep& at) override {
    if (pending.has_signal()) stop = true;
    tell([&] { listener_.attr("step")(at.task, at.epoch, at.epochs, at.step, at.steps, at.clips, or_none(at.loss)); });
  }
  void epoch(const ProgressEpoch& at) override {
    tell([&] {
      py::dict values;
      values["task"] = at.task;
      values["epoch"] = at.epoch;
      values["epochs"] = at.epochs;
      values["lr"] = at.lr;
      values["loss"] = or_none(at.loss);
      values["valid_mae"] = or_none(at.valid_mae);
      values["valid_corr"] = or_none(at.valid_corr);
      values["valid_loss"] = or_none(at.valid_loss);
      values["is_best"] = at.is_best;
      values["seconds"] = at.seconds;
      listener_.attr("epoch")(values);
    });
  }
  void line(const std::string& text) override {
    tell([&] { listener_.attr("line")(text_of(text)); });
  }

 private:
  template <class Call>
  void tell(Call python) {
    if (!stop && pending.call(python)) stop = true;
  }
  py::object listener_;
};

/// A configuration as the options of `kuda train` make one: file, profile, assignments, and what is named beside them.
struct RunChoice {
  fs::path file;
  std::string profile;
  std::vector<std::string> sets;
  std::map<std::string, std::string>
      places;  ///< data, pretrain_data, encoder, pretrained: as they stand, never as TOML

  [[nodiscard]] RunConfig config() const {
    auto config = RunConfig::load(file, {profile, sets});
    const auto take = [&](const std::string& name, std::string& target) {
      if (const auto found = places.find(name); found != places.end()) target = found->second;
    };
    take("data", config.data);
    take("pretrain_data", config.pretrain_data);
    take("encoder", config.encoder);
    take("pretrained", config.pretrained);
    return config;
  }
};

bool train(const RunChoice& choice, const fs::path& out, py::object listener, bool restart) {
  PythonProgress progress(std::move(listener));
  const bool is_new = without_gil(progress.pending, [&] {
    auto config = choice.config();
    return run_training(config, out, progress, progress.stop, restart);
  });
  progress.pending.raise();  // asked after the last step: the run is finished all the same
  return is_new;
}

/// A checkpoint and the data it scores; both live as long as this.
struct Scoring {
  std::shared_ptr<Dataset> dataset;
  ScoringOptions options;
  std::unique_ptr<Scorer> scorer;

  Scoring(const fs::path& folder, std::shared_ptr<Dataset> data, std::vector<std::string> modalities,
          std::int64_t batch_size, const std::string& device, const std::string& precision)
      : dataset(std::move(data)) {
    options.modalities = std::move(modalities);
    options.batch_size = batch_size;
    options.device = device;
    options.precision = precision;
    scorer = std::make_unique<Scorer>(folder, *dataset, options);
  }
  [[nodiscard]] std::vector<std::int64_t> rows(const std::string& split, const std::vector<std::string>& clips) const {
    return clips.empty() ? rows_of(*dataset, split) : rows_of_clips(*dataset, clips);
  }
};

py::dict columns_of(const Scoring& scoring, const std::vector<Prediction>& predictions, double level,
                    const std::string& form) {
  py::list id, split, label, score, low, high, outside;
  std::array<py::list, 3> unimodal, ratio, parts;
  const auto* calibration = scoring.scorer->calibration();
  for (const auto& p : predictions) {
    id.append(text_of(p.id));
    split.append(std::string(split_name(p.split)));
    label.append(p.label);
    score.append(p.score);
    outside.append(is_outside_range(scoring.scorer->checkpoint().facts, p.score));
    for (const auto m : kModalities) {
      unimodal[std::size_t(m)].append(p.unimodal[m]);
      ratio[std::size_t(m)].append(p.ratio[m]);
      parts[std::size_t(m)].append(p.parts[m]);
    }
    if (calibration == nullptr) continue;
    const auto interval = calibration->interval(p.score, level, interval_form_from(form));
    low.append(interval.low);
    high.append(interval.high);
  }
  py::dict columns;
  columns["id"] = id;
  columns["split"] = split;
  columns["label"] = label;
  columns["prediction"] = score;
  for (const auto m : kModalities) columns[py::str(std::string("prediction_") + letter(m))] = unimodal[std::size_t(m)];
  if (calibration != nullptr) {
    columns["low"] = low;
    columns["high"] = high;
  }
  for (const auto m : kModalities) {
    columns[py::str(std::string("ratio_") + letter(m))] = ratio[std::size_t(m)];
    columns[py::str(std::string("part_") + letter(m))] = parts[std::size_t(m)];
  }
  columns["outside_range"] = outside;
  return columns;
}

/// The report as JSON, its table, and both for the subsets by conflict where they are asked for.
py::tuple evaluate_split(const Scoring& scoring, const std::string& split, bool by_conflict) {
  std::string json, text, subsets = "null", subsets_table;
  without_gil([&] {
    const auto predictions = scoring.scorer->predict(rows_of(*scoring.dataset, split));
    const auto report = evaluate(*scoring.scorer, predictions);
    json = report.to_json();
    if (split != "all") text = report.table(split_from(split));
    if (!by_conflict) return;
    const auto measured = measure_subsets(predictions, split_from(split), scoring.dataset->family);
    subsets = subset_json(measured);
    subsets_table = subset_text(measured);
  });
  return py::make_tuple(text_of(json), text_of(text), text_of(subsets), text_of(subsets_table));
}

py::tuple compare_on(const std::string& first_name, const Scoring& first, const std::string& second_name,
                     const Scoring& second, const std::string& split) {
  const auto comparison = without_gil([&] {
    const auto rows = rows_of(*first.dataset, split);
    return compare(first_name, first.scorer->predict(rows), second_name, second.scorer->predict(rows),
                   first.dataset->family);
  });
  return py::make_tuple(text_of(comparison.to_json()), text_of(comparison.table()));
}

std::string explain_json(const Scoring& scoring, const std::vector<std::int64_t>& rows, bool attention) {
  const PredictOptions predict{scoring.options.batch_size, device_of(scoring.options.device), "explain"};
  const auto explanations = explain_rows(
      *scoring.scorer->checkpoint().model, [&](const auto& part) { return scoring.scorer->collator()(part); }, rows,
      predict, attention);
  return explanations_json(explanations, summarise(explanations, dominant_of(*scoring.dataset, rows)));
}

py::list models() {
  py::list list;
  for (const auto& info : all_models()) {
    py::dict facts;
    facts["name"] = info.name;
    facts["title"] = info.title;
    facts["paper"] = info.paper;
    facts["year"] = info.year;
    facts["kind"] = info.kind;
    facts["text"] = info.text == TextInput::tokens ? "tokens" : info.text == TextInput::features ? "features" : "none";
    py::list profiles;
    for (const auto& profile : info.profiles) profiles.append(profile.name);
    facts["profiles"] = profiles;
    list.append(facts);
  }
  return list;
}

}  // namespace

void bind_runs(py::module_& module) {
  py::class_<RunChoice>(module, "RunChoice")
      .def(py::init([](const fs::path& file, std::string profile, std::vector<std::string> sets,
                       std::map<std::string, std::string> places) {
             return RunChoice{file, std::move(profile), std::move(sets), std::move(places)};
           }),
           py::arg("file"), py::arg("profile"), py::arg("sets"), py::arg("places"))
      .def("to_toml", [](const RunChoice& choice) { return text_of(choice.config().to_toml()); })
      .def_property_readonly("model", [](const RunChoice& choice) { return choice.config().model; })
      .def_property_readonly("seed", [](const RunChoice& choice) { return choice.config().seed; });
  module.def("train", &train, py::arg("choice"), py::arg("out"), py::arg("listener"), py::arg("restart"));
  module.def("is_finished", &is_finished, py::arg("folder"));
  module.def("models", &models);

  py::class_<Scoring>(module, "Scoring")
      .def(py::init([](const fs::path& folder, std::shared_ptr<Dataset> dataset, std::vector<std::string> modalities,
                       std::int64_t batch_size, const std::string& device, const std::string& precision) {
             whole(*dataset);  // reports name it by its fingerprint
             return without_gil([&] {
               return std::make_unique<Scoring>(folder, std::move(dataset), std::move(modalities), batch_size, device,
                                                precision);
             });
           }),
           py::arg("folder"), py::arg("dataset"), py::arg("modalities"), py::arg("batch_size"), py::arg("device"),
           py::arg("precision"))
      .def("notes", [](const Scoring& scoring) { return scoring.scorer->notes(); })
      .def(
          "predict",
          [](const Scoring& scoring, const std::string& split, const std::vector<std::string>& clips, double level,
             const std::string& form) {
            const auto predictions = without_gil([&] { return scoring.scorer->predict(scoring.rows(split, clips)); });
            return columns_of(scoring, predictions, level, form);
          },
          py::arg("split"), py::arg("clips"), py::arg("level"), py::arg("interval"))
      .def("evaluate", &evaluate_split, py::arg("split"), py::arg("by_conflict"))
      .def(
          "explain",
          [](const Scoring& scoring, const std::string& split, const std::vector<std::string>& clips, bool attention) {
            return text_of(without_gil([&] { return explain_json(scoring, scoring.rows(split, clips), attention); }));
          },
          py::arg("split"), py::arg("clips"), py::arg("attention"));
  module.def("compare", &compare_on, py::arg("first_name"), py::arg("first"), py::arg("second_name"), py::arg("second"),
             py::arg("split"));
}

}  // namespace kuda::bindings

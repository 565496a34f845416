#include "kuda/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/random.h"
#include "kuda/checkpoint/schedule.h"
#include "kuda/config/config.h"
#include "kuda/data/collate.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/data_parallel.h"
#include "kuda/training/step.h"
#include "kuda/training/validation.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Digest of the options that change numbers.
std::string digest_of(TrainConfig config) {
  Fields fields;
  config.describe(fields);
  Schema schema;
  schema.add("train", "", std::move(fields));
  return schema.digest().substr(0, 16);
}

class Trainer {
 public:
  Trainer(const TrainingTask& task, const TrainConfig& config, std::uint64_t seed, const TrainingRun& run)
      : task_(task), config_(config), seed_(seed), run_(run) {
    if (task.train.empty())
      throw DataError(
          task.name + ": no training clip has the label that this task learns",
          "training needs labels in the split train; clips without labels can be scored: kuda predict RUN -d DATA");
    if (!run.group.is_alone() && !task.model->has_independent_batches())
      throw ConfigError(fmt::format("{}: this model keeps something from batch to batch, so {} processes (WORLD_SIZE) "
                                    "cannot share the batches of a step",
                                    task.name, run.group.size()),
                        "train it in one process; several seeds can run side by side");
    task.model->begin_training(facts());
    for (std::int64_t phase = 0; phase < task.model->num_phases(); ++phase)
      optimizers_.emplace_back(*task.model, config, phase);
    check_selection();
    begin_or_continue();
  }

  TrainingResult run() {
    while (!is_at_end()) {
      train_epoch();
      finish_epoch();
    }
    TrainingResult result;
    result.history = at_.history;
    result.is_stopped_early = at_.epoch < config_.epochs;
    result.select = config_.select;
    result.select_by = config_.select_by;
    result.chosen_epoch = config_.select == Selection::last ? at_.epoch : at_.best_epoch;
    if (result.chosen_epoch != at_.epoch) result.chosen_weights = best_file();
    return result;
  }

 private:
  void check_selection() const {
    const bool is_watched = config_.early_stop > 0 || config_.follows_values();
    const bool needs_valid = config_.select == Selection::valid || (config_.select == Selection::last && is_watched);
    if ((needs_valid && task_.valid.empty()) || (config_.select == Selection::test && task_.test.empty()))
      throw ConfigError(
          fmt::format(
              "{}: select = \"{}\"{}{}: the data set has no clip with a label in that split", task_.name,
              name_of(config_.select), config_.early_stop > 0 ? " with early_stop" : "",
              config_.follows_values() ? fmt::format(" with schedule = \"{}\"", name_of(config_.schedule)) : ""),
          "set select = \"last\", early_stop = 0 and a schedule that looks at no split");
  }

  void begin_or_continue() {
    if (run_.group.is_first()) remove_unfinished_files(run_.state);
    const auto threads = std::int64_t(torch::get_num_threads());
    const auto identity =
        fmt::format("{}; seed {}; options {}; {}", task_.name, seed_, digest_of(config_), task_.identity);
    if (auto found = restore_state(run_.state, *task_.model, optimizers_, identity)) {
      at_ = std::move(*found);
      if (run_.group.is_first() && at_.best_epoch > 0 && keeps_best()) check_best(run_.state, does_reload());
      line(fmt::format("{}: continued in epoch {}, after step {}", task_.name, at_.epoch + 1, at_.step));
      if (at_.threads != threads)
        log_warning("{}: begun with {} threads, continued with {}: last digits may differ", task_.name, at_.threads,
                    threads);
      if (at_.processes != run_.group.size())
        log_warning("{}: begun with {} processes, continued with {}: last digits may differ", task_.name, at_.processes,
                    run_.group.size());
    } else {
      at_.identity = identity;
      at_.best_value = kNaN;
    }
    // A kill may have come between the state and the lines of its epochs, and the last epoch is not done again.
    if (run_.group.is_first() && !run_.epochs.empty() && !at_.history.empty()) write_epochs(run_.epochs, at_.history);
    at_.threads = threads;
    at_.processes = run_.group.size();
    run_.group.expect_same(fmt::format("{}; epoch {}; step {}", identity, at_.epoch, at_.step),
                           task_.name + ": configuration, data or saved state");  // all have read it before any writes
    share_weights(run_.group, *task_.model);
    saved_ = Clock::now();
  }

  [[nodiscard]] bool is_at_end() const {
    if (at_.step > 0) return false;
    if (at_.epoch >= config_.epochs) return true;
    if (config_.early_stop > 0 && at_.epoch - at_.best_epoch >= config_.early_stop) return true;
    return does_reload() && reload_point(config_, values()).reloads >= config_.trials;
  }
  [[nodiscard]] bool does_reload() const { return config_.schedule == Schedule::reload; }
  [[nodiscard]] bool keeps_best() const { return config_.select != Selection::last || does_reload(); }
  [[nodiscard]] std::filesystem::path best_file() const { return run_.state / "best.safetensors"; }

  [[nodiscard]] TrainingFacts facts() const {
    TrainingFacts facts;
    facts.rows = task_.train;
    std::sort(facts.rows.begin(), facts.rows.end());
    facts.batch_size = config_.batch_size;
    facts.collate = task_.collate;
    facts.labels = [this, rows = facts.rows] {
      std::vector<Tensor> labels;
      for (const auto& part : in_batches(rows, config_.batch_size)) labels.push_back(task_.collate(part).label);
      return torch::cat(labels);
    };
    return facts;
  }

  void train_epoch() {
    const auto steps = in_batches(epoch_order(task_.train, seed_, at_.epoch), config_.batch_size * config_.accumulate);
    std::vector<std::int64_t> counts;
    for (std::size_t phase = 0; phase < optimizers_.size(); ++phase)
      counts.push_back(task_.model->phase_steps(std::int64_t(phase), std::int64_t(steps.size())));
    const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    torch::manual_seed(stream_seed(seed_, "epoch", std::uint64_t(at_.epoch)));
    task_.model->train();
    task_.model->begin_epoch(at_.epoch, config_.epochs);
    std::int64_t first = 0;
    for (std::size_t phase = 0; phase < optimizers_.size(); first += counts[phase++]) {
      // A run that was stopped between the last step and the scoring is in the last phase too.
      const bool is_last = phase + 1 == optimizers_.size() && counts[phase] > 0;
      if (at_.step >= first + counts[phase] && !is_last) continue;
      task_.model->begin_phase(std::int64_t(phase), at_.step > first);
      while (at_.step < first + counts[phase]) {
        optimizers_[phase].set_rate(rate(at_.step - first, counts[phase]));
        timed_step(optimizers_[phase], steps[std::size_t(at_.step - first)], total);
      }
    }
  }

  void timed_step(Optimizer& optimizer, const std::vector<std::int64_t>& rows, std::int64_t total) {
    const auto start = Clock::now();
    const auto sums = train_step(task_, config_, run_, optimizer,
                                 {.rows = rows,
                                  .seed = stream_seed(seed_, "dropout", std::uint64_t(at_.epoch * total + at_.step)),
                                  .epoch = at_.epoch + 1,
                                  .step = at_.step + 1});
    add_up(sums);
    ++at_.step;
    at_.seconds += seconds_since(start);
    if (run_.progress != nullptr)
      run_.progress->step({task_.name, at_.epoch + 1, config_.epochs, at_.step, total, std::int64_t(rows.size()),
                           at_.loss_sum / double(at_.clips)});
    if (sums.is_stop_asked || (run_.group.is_alone() && run_.is_asked_to_stop())) stop();
    if (config_.save_seconds > 0 && seconds_since(saved_) >= config_.save_seconds) save();
  }

  void add_up(const StepSums& sums) {
    for (const auto& term : sums.terms) add_term(at_.term_sums, term);
    at_.loss_sum += sums.loss;
    at_.clips += sums.clips;
  }

  /// What selects, of an epoch: lower is better.
  [[nodiscard]] double value(const EpochRecord& record) const {
    if (config_.select_by == SelectBy::mae)
      return config_.select == Selection::test ? record.test_mae : record.valid_mae;
    return config_.select == Selection::test ? record.test_loss : record.valid_loss;
  }

  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> values;
    for (const auto& record : at_.history) values.push_back(value(record));
    return values;
  }

  /// In that step of the epoch (of a phase with `steps`).
  [[nodiscard]] double rate(std::int64_t step, std::int64_t steps) const {
    return learning_rate(config_, values(), step, steps);
  }

  SplitScore score(const std::vector<std::int64_t>& rows) {
    try {
      return score_split(task_, config_, rows, run_);
    } catch (const Interrupted&) {
      stop();  // the steps of the epoch are done: it continues with the scoring
    }
  }

  void finish_epoch() {
    EpochRecord record;
    record.epoch = at_.epoch + 1;
    record.lr = rate(0, 1);  // with a rate by step: of the first one
    record.loss = at_.loss_sum / double(at_.clips);
    for (const auto& term : at_.term_sums) record.terms.emplace_back(term.name, term.sum / double(term.clips));
    const auto valid = score(task_.valid);
    const auto test = config_.select == Selection::test ? score(task_.test) : SplitScore();
    record.valid_mae = valid.mae;
    record.valid_corr = valid.corr;
    record.valid_loss = valid.loss;
    record.test_mae = test.mae;
    record.test_loss = test.loss;
    record.seconds = at_.seconds;
    record.is_best = !std::isnan(value(record)) && (at_.best_epoch == 0 || value(record) < at_.best_value);
    if (record.is_best) {
      at_.best_epoch = record.epoch;
      at_.best_value = value(record);
      if (run_.group.is_first() && keeps_best())
        write_best(run_.state, *task_.model, optimizers_, record.epoch, does_reload());
    }
    at_.history.push_back(record);
    ++at_.epoch;
    at_.step = at_.clips = 0;
    at_.loss_sum = at_.seconds = 0;
    at_.term_sums.clear();
    line(describe(record));
    if (run_.progress != nullptr)
      run_.progress->epoch({task_.name, record.epoch, config_.epochs, record.lr, record.loss, record.valid_mae,
                            record.valid_corr, record.valid_loss, record.is_best, record.seconds});
    const bool is_reloaded = go_back_if_due();
    // A saved state older than the best file, or than a reload from it, could not be continued to the same end.
    const bool must_save = does_reload() && (record.is_best || is_reloaded);
    if (at_.epoch % config_.save_every == 0 || must_save || is_at_end()) save();
  }

  /// The schedule "reload": after too many worse epochs the best one's weights and moments come back.
  bool go_back_if_due() {
    if (!does_reload() || is_at_end() || !reload_point(config_, values()).is_due) return false;
    restore_best(run_.state, *task_.model, optimizers_);
    line(fmt::format("{}: back to the weights of epoch {}, lr {:.3g}", task_.name, at_.best_epoch, rate(0, 1)));
    return true;
  }

  void save() {
    if (!run_.group.is_first()) return;
    save_state(run_.state, *task_.model, optimizers_, at_);
    if (!run_.epochs.empty()) write_epochs(run_.epochs, at_.history);
    saved_ = Clock::now();
  }

  [[noreturn]] void stop() {
    save();
    throw Interrupted(fmt::format("{}: stopped in epoch {} of {}, after step {}; the state is saved in {}", task_.name,
                                  at_.epoch + 1, config_.epochs, at_.step, run_.state.string()),
                      "the same command continues from there");
  }

  [[nodiscard]] std::string describe(const EpochRecord& record) const {
    auto text = fmt::format("{}  epoch {}/{}  lr {:.3g}  loss {:.4f}", task_.name, record.epoch, config_.epochs,
                            record.lr, record.loss);
    if (!std::isnan(record.valid_mae))
      text += fmt::format("  valid MAE {:.4f}  Corr {:.4f}", record.valid_mae, record.valid_corr);
    if (!std::isnan(record.valid_loss)) text += fmt::format("  loss {:.4f}", record.valid_loss);
    if (!std::isnan(record.test_mae)) text += fmt::format("  test MAE {:.4f} (selects: diagnostic)", record.test_mae);
    if (record.is_best && config_.select != Selection::last) text += "  best so far";
    return text + "  " + format_duration(record.seconds);
  }

  void line(const std::string& text) const {
    if (run_.progress != nullptr) run_.progress->line(text);
  }

  const TrainingTask& task_;
  const TrainConfig& config_;
  std::uint64_t seed_;
  const TrainingRun& run_;
  std::vector<Optimizer> optimizers_;  ///< by phase
  TrainingProgress at_;
  Clock::time_point saved_;
};

}  // namespace

TrainingResult train(const TrainingTask& task, const TrainConfig& config, std::uint64_t seed, const TrainingRun& run) {
  config.check("train");
  check_shares(config, "train", run.group);
  require_support(config.precision, task.device);
  const struct Back {  // also when the training is stopped
    Model& model;
    ~Back() { model.use_precision(Precision::fp32); }
  } back{*task.model};
  task.model->use_precision(config.precision);
  return Trainer(task, config, seed, run).run();
}

void use_chosen_epoch(Model& model, const TrainingResult& result) {
  if (!result.chosen_weights.empty()) load_state(model, io::read_safetensors(result.chosen_weights));
}

}  // namespace kuda

#include "kuda/training/step.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/random.h"
#include "kuda/data/collate.h"

namespace kuda {
namespace {

class Step {
 public:
  Step(const TrainingTask& task, const StepOrder& order) : task_(task), order_(order) {}

  /// Forward and backward of one part, whose loss counts `share` in the step.
  void do_part(const std::vector<std::int64_t>& rows, double share) {
    const auto batch = corrupted(task_.collate(rows), task_.drop, std::uint64_t(order_.epoch)).to(task_.device);
    Output output;
    Losses losses;
    {
      const Autocast autocast(task_.model->precision(), task_.device);
      output = task_.model->forward(batch, nullptr);
      losses = task_.model->loss(output, batch);
    }
    count(losses, batch);
    (share == 1 ? losses.total : losses.total * share).backward();
    const torch::NoGradGuard no_grad;
    task_.model->after_backward(output, batch);
  }

  void require_finite_gradients(const Optimizer& optimizer) const {
    const auto name = optimizer.first_non_finite();
    if (!name.empty()) fail(fmt::format("the gradient of {} is not finite", name), task_.collate(order_.rows).ids);
  }

  StepSums sums;

 private:
  void count(const Losses& losses, const Batch& batch) {
    const auto size = double(batch.size());
    for (const auto& [name, term] : losses.terms) {
      const double value = term.item<double>();
      if (!std::isfinite(value)) fail(fmt::format("the loss term '{}' is {}", name, value), batch.ids);
      add_term(sums.terms, {name, value * size, batch.size()});
    }
    const double total = losses.total.item<double>();
    if (!std::isfinite(total)) fail(fmt::format("the loss is {}", total), batch.ids);
    sums.loss += total * size;
    sums.clips += batch.size();
  }

  [[noreturn]] void fail(const std::string& what, const std::vector<std::string>& ids) const {
    throw Error(fmt::format("{}: {} in epoch {}, step {}\n  clips: {}", task_.name, what, order_.epoch, order_.step,
                            list_ids(ids, 64)),
                "`kuda data check` finds NaN and infinities in features; otherwise lower the learning rate or set "
                "clip_norm");
  }

  const TrainingTask& task_;
  const StepOrder& order_;
};

}  // namespace

StepSums train_step(const TrainingTask& task, const TrainConfig& config, const TrainingRun& run, Optimizer& optimizer,
                    const StepOrder& order) {
  const auto parts = in_batches(order.rows, config.batch_size);
  Step step(task, order);
  run.group.together([&] {
    for (auto i = std::size_t(run.group.rank()); i < parts.size(); i += std::size_t(run.group.size())) {
      torch::manual_seed(i == 0 ? order.seed : stream_seed(order.seed, "part", i));
      const bool counts_in_full = config.accumulate_as == Accumulation::sum;
      step.do_part(parts[i], counts_in_full ? 1 : double(parts[i].size()) / double(order.rows.size()));
      if (config.clip_each_batch) optimizer.clip_values();
    }
  });
  step.sums.is_stop_asked = run.is_asked_to_stop();
  sum_step(run.group, *task.model, step.sums);
  step.require_finite_gradients(optimizer);
  if (config.leftover == Leftover::drop && std::int64_t(parts.size()) < config.accumulate)
    optimizer.clear_gradients();
  else
    optimizer.step();
  return std::move(step.sums);
}

}  // namespace kuda

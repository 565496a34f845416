#include "kuda/runs/procedure.h"

#include "kuda/base/random.h"
#include "kuda/runs/held_out.h"
#include "kuda/runs/new_folder.h"
#include "kuda/runs/stage1.h"
#include "kuda/tensor/device.h"
#include "kuda/tensor/products.h"
#include "kuda/training/data_parallel.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// Before any work and any file: what this machine cannot do should not be found out after stage 1.
void check_precisions(const RunConfig& config, const ProcessGroup& group) {
  const auto device = device_of(group.own_device(config.device));
  for (const auto precision : {config.pretrain.precision, config.train.precision}) require_support(precision, device);
}

/// Of the whole process.
void take_settings(const RunConfig& config) {
  if (config.threads > 0) torch::set_num_threads(int(config.threads));
  use_products(config.products);
}

}  // namespace

std::vector<std::string> run_pretrain(RunConfig& config, const fs::path& out, Progress& progress,
                                      const std::atomic<bool>& stop, bool restart, const ProcessGroup& group,
                                      const std::string& only) {
  check_precisions(config, group);
  check_shares(config.pretrain, "pretrain", group);
  group.expect_same(config.to_toml(), "configuration");
  const auto place = only.empty() ? out : out / only;
  NewFolder folder(place);
  const auto lock = lock_folder(place, group);
  return folder.unless_refused(group, [&] {
    take_settings(config);
    Session session(config, config.data, config.collate);
    RunInputs inputs(config);
    inputs.know("data.path", session.dataset().fingerprint);
    return pretrain_into(config, out, session, {progress, stop, group, inputs}, restart, only);
  });
}

namespace {

bool train_into(RunConfig& config, const fs::path& out, const Surroundings& around, bool restart) {
  const auto& group = around.group;
  if (!restart && open_and_look(out, config, false, around)) {
    around.progress.line(out.string() + ": this run is finished");
    return false;
  }
  take_settings(config);
  Session session(config, config.data, config.collate);
  around.inputs.know("data.path", session.dataset().fingerprint);
  const auto& info = find_model(config.model);
  const auto tasks = info.pretrain_tasks
                         ? info.pretrain_tasks(*config.model_config, session.shape(), session.shape(), session.text())
                         : std::vector<PretrainTask>();
  const auto make_model = [&] {
    torch::manual_seed(stream_seed(std::uint64_t(config.seed), "init"));
    return info.make(*config.model_config, session.shape(), session.text());
  };
  const bool needs_stage1 = !tasks.empty() && config.pretrained.empty();
  if (needs_stage1) check_shares(config.pretrain, "pretrain", group);
  // What the model refuses should not be found out after stage 1, nor after the old run is gone.
  if (restart || (needs_stage1 && !is_finished(out / "pretrain" / tasks.back().name))) (void)make_model();
  if (restart) (void)open_and_look(out, config, true, around);
  if (needs_stage1) (void)pretrain_into(config, out / "pretrain", session, around, false);
  Plan plan{kMainTask, make_model(), session.shape(), {}, config.train};
  for (const auto& task : tasks)
    if (task.reads_text_alone()) plan.text_only = fs::path("pretrain") / task.name;
  const auto pretrained = pretrained_folder(config, out);
  adopt_pretrained(config, pretrained, tasks, session.dataset(), *plan.model, around.progress);
  for (const auto& task : tasks) take_held_out(pretrained / task.name, task.modality, session.dataset());
  run_task(out, plan, config, session, around);
  return true;
}

}  // namespace

bool run_training(RunConfig& config, const fs::path& out, Progress& progress, const std::atomic<bool>& stop,
                  bool restart, const ProcessGroup& group) {
  RunInputs inputs(config);
  const Surroundings around{progress, stop, group, inputs};
  if (restart || !is_finished(out)) check_precisions(config, group);
  check_shares(config.train, "train", group);
  group.expect_same(config.to_toml(), "configuration");
  NewFolder folder(out);
  const auto lock = lock_folder(out, group);
  return folder.unless_refused(group, [&] { return train_into(config, out, around, restart); });
}

}  // namespace kuda

// kuda pretrain: stage 1 alone, one run folder per modality.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "kuda/apps/run_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/table.h"
#include "kuda/runs/procedure.h"
#include "kuda/runs/report.h"

namespace kuda {

namespace {

using Json = nlohmann::ordered_json;

Json results(const std::filesystem::path& folder, const std::vector<std::string>& tasks) {
  Json list = Json::array();
  for (const auto& task : tasks) {
    const auto path = folder / task / "metrics.json";
    (void)read_report(path);  // says what is wrong with a damaged one
    const auto facts = Json::parse(read_file(path));
    list.push_back({{"task", task}, {"folder", (folder / task).string()}, {"metrics", facts}});
  }
  return list;
}

std::string metric_cell(const Json& facts, const char* split, const char* metric) {
  const auto pointer = Json::json_pointer(fmt::format("/splits/{}/model/values/{}/value", split, metric));
  if (!facts.contains(pointer) || facts[pointer].is_null()) return "-";
  return fmt::format("{:.4f}", facts[pointer].get<double>());
}

void print_table(const Json& list) {
  Table table({"stage 1", "epoch", "of", "valid MAE", "test MAE", "test Corr", "folder"});
  for (const auto& entry : list) {
    const auto& facts = entry["metrics"];
    table.add({entry["task"], facts["chosen_epoch"].dump(), facts["epochs"].dump(), metric_cell(facts, "valid", "MAE"),
               metric_cell(facts, "test", "MAE"), metric_cell(facts, "test", "Corr"), entry["folder"]});
  }
  std::cout << table.text();
}

}  // namespace

void add_pretrain(CLI::App& program) {
  struct Options {
    RunOptions run;
    std::string task;
    bool json = false, restart = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("pretrain", "Stage 1 alone: each modality learns to predict its own label.");
  options->run.add_to(*verb);
  options->run.add_out_to(*verb);
  verb->add_option("--task", options->task, "this one alone (text, vision, audio): others may run beside it");
  verb->add_flag("--restart", options->restart, "begin again where the folder holds a run with other options");
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "`kuda train` does this by itself; this verb is for stage 1 that serves several runs or another data set.\n"
      "Example:\n"
      "  kuda pretrain -d mosi -m kuda --encoder bert-base-uncased --set pretrain.labels=multimodal --out stage1\n"
      "  kuda train -d mosi -m kuda --encoder bert-base-uncased --pretrained stage1 --out runs/mosi\n"
      "Side by side, with the same bytes: for t in text vision audio; do kuda pretrain ... --task $t & done; wait");
  verb->callback([options] {
    const auto& stop = catch_stop_signals();
    auto list = Json::array();
    options->run.for_each_run([&](auto& config, const auto& folder, auto& progress, const auto& group) {
      const auto tasks = run_pretrain(config, folder, progress, stop, options->restart, group, options->task);
      if (tasks.empty())
        throw ConfigError("model '" + config.model + "' has no stage 1 with these options",
                          "see kuda.knowledge, kuda.decoders and kuda.transfer in docs/configuration.md");
      if (!group.is_first()) return;
      for (auto& entry : results(folder, tasks)) list.push_back(std::move(entry));
    });
    if (list.empty()) return;  // another process tells
    options->json ? void(std::cout << list.dump(2) << '\n') : print_table(list);
  });
}

}  // namespace kuda

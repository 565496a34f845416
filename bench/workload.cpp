#include "workload.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "counting.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/base/random.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/products.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kScoredTogether = 32;

/// Time and operations since it was made.
class Stopwatch {
 public:
  [[nodiscard]] Sample read() const {
    return {std::chrono::duration<double>(Clock::now() - start_).count(), 1e-9 * (Counting::flop() - flop_)};
  }

 private:
  Clock::time_point start_ = Clock::now();
  double flop_ = Counting::flop();
};

template <class Action>
Sample timed(const Action& action) {
  const Stopwatch watch;
  action();
  return watch.read();
}

/// Thrown out of train() when what is timed is over.
struct Enough {};

/// The second step of a training: the first one also makes the optimiser's moments.
class SecondStep final : public Progress {
 public:
  void step(const ProgressStep&) override {
    if (++steps_ == 2) {
      sample = watch_.read();
      throw Enough();
    }
    watch_ = Stopwatch();
  }
  void line(const std::string&) override {}
  Sample sample;

 private:
  int steps_ = 0;
  Stopwatch watch_;
};

/// An epoch up to its line, which comes after the validation and before the state is saved.
class FirstEpoch final : public Progress {
 public:
  void step(const ProgressStep&) override {}
  void line(const std::string&) override {
    sample = watch_.read();
    throw Enough();
  }
  Sample sample;

 private:
  Stopwatch watch_;
};

template <class Watching>
Sample train_until(const TrainingTask& task, const TrainConfig& options, const fs::path& no_state) {
  Watching watching;
  try {
    (void)train(task, options, 1, {.state = no_state, .progress = &watching});
  } catch (const Enough&) {
  }
  return watching.sample;
}

std::vector<std::int64_t> first_rows(const Dataset& dataset, Split split, std::int64_t count) {
  auto rows = dataset.rows(split);
  rows.resize(std::min(rows.size(), std::size_t(count)));
  return rows;
}

/// The same epochs on any data: no rate that depends on them, nothing chosen or saved.
TrainConfig without_choices(TrainConfig options) {
  options.epochs = 1;
  options.schedule = Schedule::constant;
  options.select = Selection::last;
  options.early_stop = 0;
  options.save_seconds = 0;
  return options;
}

}  // namespace

struct Workload::Scratch {
  const fs::path path = fs::temp_directory_path() / fmt::format("kuda-bench-{}", ::getpid());
  Scratch() { fs::create_directories(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

struct Workload::Job {
  std::shared_ptr<Model> model;
  Collator collator;
  TrainingTask task;  ///< refers to the collator, so a job stays where it is
  TrainConfig options;

  Job(Session& session, std::shared_ptr<Model> made, std::optional<Modality> target, const TrainConfig& how)
      : model(std::move(made)),
        collator(session.collator(target, model->is_padding_invariant())),
        task(make_task(session, collator, model)),
        options(without_choices(how)) {
    model->leave_out_padding();
  }
};

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      scratch_(std::make_unique<const Scratch>()),
      config_(RunConfig::load(options.config, options.changes)) {
  require_support(options_.precision, torch::kCPU);
  config_.train.batch_size = config_.pretrain.batch_size = options_.batch;
  config_.train.precision = config_.pretrain.precision = options_.precision;
  config_.encoder = options_.encoder;
  use_products(config_.products);
  if (options_.encoder == kBertBase) {
    config_.encoder = (scratch_->path / kBertBase).string();
    make_bert_base(config_.encoder);
  }
  make_data();
  session_ = std::make_unique<Session>(config_, config_.data, config_.collate);
}

Workload::~Workload() = default;

void Workload::make_data() {
  SynthOptions synth;
  synth.like = options_.like;
  const auto published = synth.resolved();
  synth.train =
      std::max(options_.clips, 2 * options_.batch * std::max(config_.train.accumulate, config_.pretrain.accumulate));
  synth.valid = std::max<std::int64_t>(1, synth.train * published.valid / published.train);
  synth.test = std::max(kScoredTogether, synth.train * published.test / published.train);
  if (options_.frames > 0) {
    synth.vision_length = std::min(published.vision_length, options_.frames);
    synth.audio_length = std::min(published.audio_length, options_.frames);
  }
  config_.data = (scratch_->path / "clips").string();
  write_prepared(config_.data, make_synthetic(synth));
}

void Workload::make_bert_base(const fs::path& folder) const {
  write_small_encoder(folder);  // a vocabulary that is always there: letters and digits
  const auto words = fs::path(KUDA_SOURCE_DIR) / "encoders/minilm/vocab.txt";
  if (fs::exists(words)) write_file(folder / "vocab.txt", read_file(words));  // the 30522 pieces that BERT-base has
  torch::manual_seed(stream_seed(1, "bert-base"));
  const BertConfig size;
  const Bert bert(size);
  write_file(folder / "config.json", size.to_json());
  io::write_safetensors(folder / "model.safetensors", state_of(*bert), {{"format", "pt"}});
}

Workload::Job& Workload::add_job(std::shared_ptr<Model> model, std::optional<Modality> target,
                                 const TrainConfig& options) {
  return *jobs_.emplace_back(std::make_unique<Job>(*session_, std::move(model), target, options));
}

void Workload::add_loading(std::vector<Case>& cases) {
  const auto size = config_.train.batch_size;
  cases.push_back({"load/data", std::int64_t(dataset().clips.size()),
                   [this] { return timed([&] { const Session session(config_, config_.data, config_.collate); }); }});
  cases.push_back({"load/first_batch", size, [this, size] {
                     return timed([&] {
                       Session session(config_, config_.data, config_.collate);
                       const auto collate = session.collator({}, false);
                       (void)collate(first_rows(session.dataset(), Split::train, size));
                     });
                   }});
  cases.push_back({"load/model", 0, [this] {
                     return timed([&] {
                       (void)find_model(config_.model).make(*config_.model_config, session_->shape(), session_->text());
                     });
                   }});
}

void Workload::add_training(std::vector<Case>& cases, const std::string& name, Job& job) {
  job.task.name = name;
  const auto no_state = scratch_->path / "state";  // never made: no run comes to its end
  cases.push_back({name + "/step", job.options.batch_size * job.options.accumulate,
                   [&job, no_state] { return train_until<SecondStep>(job.task, job.options, no_state); }, job.model});
  cases.push_back({name + "/epoch", std::int64_t(job.task.train.size() + job.task.valid.size()),
                   [&job, no_state] { return train_until<FirstEpoch>(job.task, job.options, no_state); }, job.model});
}

void Workload::add_scoring(std::vector<Case>& cases, std::int64_t size, const Job& job) {
  auto score = [&job, rows = first_rows(dataset(), Split::test, size)] {
    return timed(
        [&] { (void)predict_rows(*job.model, job.task.collate, rows, {.batch_size = std::int64_t(rows.size())}); });
  };
  cases.push_back({fmt::format("score/{}", size), size, std::move(score), job.model});
}

void Workload::add_encoding(std::vector<Case>& cases, std::int64_t size, const Job& job) {
  for (const auto& part : job.model->modules(/*include_self=*/false)) {
    const auto bert = std::dynamic_pointer_cast<BertImpl>(part);
    if (!bert) continue;
    const auto batch = job.task.collate(first_rows(dataset(), Split::test, size));
    cases.push_back({fmt::format("encode/{}", size), size,
                     [bert, batch] {
                       const torch::NoGradGuard no_grad;
                       return timed(
                           [&] { (void)bert->forward(batch.text_ids, batch.text_segments, batch.text_padding); });
                     },
                     job.model});
    return;
  }
}

std::vector<Case> Workload::cases(const std::regex& wanted) {
  std::vector<std::string> known;
  const auto is_wanted = [&](const std::string& name) {
    known.push_back(name);
    return std::regex_search(name, wanted);
  };
  // A model costs time and memory, so it is made only where one of its cases is wanted.
  const auto is_any_wanted = [&](const std::vector<std::string>& names) {
    return std::count_if(names.begin(), names.end(), is_wanted) > 0;
  };
  std::vector<Case> all;
  add_loading(all);
  std::erase_if(all, [&](const Case& one) { return !is_wanted(one.name); });

  const auto& info = find_model(config_.model);
  const auto& shape = session_->shape();
  const auto& text = session_->text();
  torch::manual_seed(1);
  const auto tasks = info.pretrain_tasks ? info.pretrain_tasks(*config_.model_config, shape, shape, text)
                                         : std::vector<PretrainTask>();
  for (const auto& task : tasks) {
    const auto name = "stage1/" + task.name;
    if (!is_any_wanted({name + "/step", name + "/epoch"})) continue;
    const bool is_multimodal = config_.pretrain.labels == PretrainLabels::multimodal;
    const auto target = is_multimodal ? std::nullopt : std::optional(task.modality);
    add_training(all, name, add_job(task.make(), target, config_.pretrain.for_task(task.modality)));
  }
  const auto make_main = [&]() -> Job& {
    return add_job(info.make(*config_.model_config, shape, text), {}, config_.train);
  };
  if (is_any_wanted({"stage2/step", "stage2/epoch"})) add_training(all, "stage2", make_main());
  if (is_any_wanted({"score/1", fmt::format("score/{}", kScoredTogether), "encode/1",
                     fmt::format("encode/{}", kScoredTogether)})) {
    const auto& job = make_main();  // of its own: what is prepared for scoring cannot be trained
    job.model->prepare_for_scoring(options_.precision);
    add_scoring(all, 1, job);
    add_scoring(all, kScoredTogether, job);
    add_encoding(all, 1, job);
    add_encoding(all, kScoredTogether, job);
  }
  std::erase_if(all, [&](const Case& one) { return !std::regex_search(one.name, wanted); });
  if (all.empty()) throw UsageError("--cases: no case has such a name", "there are " + join(known));
  return all;
}

}  // namespace kuda

// kuda serve: a checkpoint behind HTTP.

#include <fmt/format.h>
#include <torch/torch.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/predictor/video_recipe.h"
#include "kuda/predictor/video_source.h"
#include "kuda/serve/callers.h"
#include "kuda/serve/server.h"

namespace kuda {

namespace {

struct ServeArguments {
  std::string checkpoint, data, token_file;
  ExtractorChoices models;
  IntervalArguments interval;
  PredictorOptions predictor;
  ServerOptions server;
  double wait_ms = 5, body_mb = 16, timeout_s = 30, grace_s = 10;
  int threads = 0;
};

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds));
}

/// The first line of the file, without the spaces around it.
std::string read_token(const std::string& path) {
  const auto text = read_file(path);
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  const auto end = std::find_if(begin, text.end(), is_space);
  if (begin == end)
    throw ConfigError(path + ": expected a token, found none", "for example: openssl rand -hex 32 >" + path);
  if (std::find_if_not(end, text.end(), is_space) != text.end())
    throw ConfigError(path + ": expected one token, found more than one word");
  return {begin, end};
}

void add_limits(CLI::App& verb, ServeArguments& options) {
  auto& server = options.server;
  verb.add_option("--max-batch", server.batching.max_batch, "most clips in one pass through the model")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--max-wait-ms", options.wait_ms, "longest wait for more clips; 0 = none")
      ->check(CLI::Range(0.0, 60000.0))
      ->capture_default_str();
  verb.add_option("--max-queue", server.batching.max_queue, "clips waiting for the model; more are answered with 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--max-requests", server.requests, "requests at once; more are answered with 503")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--max-body-mb", options.body_mb, "MiB of one request, unpacked")
      ->check(CLI::Range(0.001, 4096.0))
      ->capture_default_str();
  verb.add_option("--max-clips", server.clips.clips, "clips in one request")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--max-frames", server.clips.frames, "frames of one modality of a clip")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--max-text-bytes", server.clips.text_bytes, "bytes of one text")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--timeout-s", options.timeout_s, "seconds for a body to arrive, and then for its scores")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  verb.add_option("--grace-s", options.grace_s, "seconds for what is being sent when the server is stopped")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
}

/// Makes clips of videos by the checkpoint's recipe; none, and why, where there are no weights for it.
std::unique_ptr<ClipSource> offered_source(const ServeArguments& options, const PredictorFacts& facts,
                                           std::string& why) {
  if (options.models.folder.empty() && extractor_in(options.checkpoint).empty()) {
    why = fmt::format("the checkpoint keeps no extractor, and none was named (--extractor {})", kDefaultExtractor);
    return nullptr;
  }
  try {
    require_video_reader();
  } catch (const DataError& error) {
    if (!options.models.folder.empty()) throw;
    why = error.message();
    log_info("no videos are taken: {}", why);
    return nullptr;
  }
  return video_source(facts, options.checkpoint, options.models, /*any_recipe=*/false);
}

void serve(ServeArguments& options) {
  if (options.threads > 0) torch::set_num_threads(options.threads);
  options.predictor.data = options.data;
  options.predictor.level = options.interval.level;
  options.predictor.form = options.interval.value();
  options.predictor.batch_size = std::int64_t(options.server.batching.max_batch);
  options.server.batching.max_wait = std::chrono::microseconds(static_cast<std::int64_t>(1000 * options.wait_ms));
  options.server.body_bytes = static_cast<std::size_t>(options.body_mb * 1024 * 1024);
  options.server.body_time = options.server.request_time = milliseconds_of(options.timeout_s);
  options.server.grace = milliseconds_of(options.grace_s);
  if (!options.token_file.empty()) options.server.token = read_token(options.token_file);
  (void)Callers(options.server);  // a name that is none is told before the model is read
  const auto& stop = catch_stop_signals();
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads our messages may go
  const Predictor predictor(options.checkpoint, options.predictor);
  const auto& facts = predictor.facts();
  if (facts.clips && !facts.clips->is_training_data)
    log_info("{} was trained on other data than {}: '{}'", options.checkpoint, options.data, facts.data);
  if (facts.clips)
    for (const auto& note : facts.clips->notes) log_info("{}", note);
  const auto extractor = offered_source(options, facts, options.server.why_no_video);
  options.server.video = extractor.get();
  Server server(predictor, options.server);
  const int port = server.bind();
  if (!is_loopback(options.server.host) && options.server.token.empty())
    log_warning("{} can be reached from other machines, and everybody may use the model: --token-file asks for a token",
                options.server.host);
  // One line that a script can wait for and read the port from.
  const auto host =
      options.server.host.find(':') == std::string::npos ? options.server.host : "[" + options.server.host + "]";
  std::cout << fmt::format("serving {} of {} on http://{}:{}\n", facts.model, options.checkpoint, host, port)
            << std::flush;
  server.run(stop);
  log_info("stopped: everything that was accepted is answered");
}

}  // namespace

void add_serve(CLI::App& program) {
  auto options = std::make_shared<ServeArguments>();
  auto* verb = program.add_subcommand("serve", "Score and explain clips over HTTP.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  verb->add_option("-d,--data", options->data,
                   "feature file (*.pkl) or prepared folder whose clips can be picked and compared with");
  verb->add_option("--host", options->server.host, "address to listen on; 0.0.0.0 for all of this machine")
      ->capture_default_str();
  verb->add_option("--port", options->server.port, "0 = any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  verb->add_option("--host-name", options->server.host_names,
                   "name under which the server is asked, beside localhost and --host; may repeat")
      ->allow_extra_args(false);
  verb->add_option("--allow-origin", options->server.origins,
                   "other site whose pages may ask: http://localhost:3000; may repeat")
      ->allow_extra_args(false);
  verb->add_option("--token-file", options->token_file, "file with the token that requests must bring");
  verb->add_option("--extractor", options->models.folder,
                   "folder of the weights that raw video needs (default: those that the checkpoint keeps, if any)");
  verb->add_option("--speech-model", options->models.speech, "of videos: the Whisper folder of the recipe");
  verb->add_option("--opensmile", options->models.opensmile,
                   "of videos: opensmile/core, where the recipe has its columns");
  verb->add_option("--max-video-s", options->server.video_seconds, "longest video, in seconds")
      ->check(CLI::Range(1.0, 7200.0))
      ->capture_default_str();
  verb->add_option("--device", options->predictor.device, "cpu or cuda")->capture_default_str();
  add_scoring_precision(*verb, options->predictor.precision);
  verb->add_option("--threads", options->threads, "threads of LibTorch; 0 = its default")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  options->interval.add_to(*verb);
  add_limits(*verb, *options);
  verb->footer(
      "A browser gets a page: a sentence, a clip or a video in, its score with what each modality says out.\n"
      "SIGTERM and Ctrl-C stop it after everything that was accepted is answered.\n"
      "docs/serving-protocol.md has the requests.\n"
      "Example:\n"
      "  kuda serve runs/first --port 8080\n"
      "  kuda serve runs/first -d mosi\n"
      "  kuda serve runs/mine --extractor extractors/default    # then: curl -F video=@clip.mp4 .../v1/predict\n"
      "  curl -N -F video=@talk.mp4 http://127.0.0.1:8080/v1/timeline         # a score every two seconds\n"
      "  curl -H 'Content-Type: application/json' -d '{\"text\": \"a fine film\"}' http://127.0.0.1:8080/v1/predict");
  verb->callback([options] { serve(*options); });
}

}  // namespace kuda

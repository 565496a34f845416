// kuda data extract: raw video to features, one small file a clip. kuda data pack: these files to a data set.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include <ATen/Parallel.h>

#include "kuda/apps/data_verbs.h"
#include "kuda/apps/number_check.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/named_values.h"
#include "kuda/extract/audio_rows.h"
#include "kuda/extract/clip_extractor.h"
#include "kuda/extract/extract_clips.h"
#include "kuda/extract/pack_clips.h"

namespace kuda {

namespace {

struct ExtractArguments {
  std::string source, out, subtitles, recipe, shard = "1/1";
  ExtractorChoices models{.folder = kDefaultExtractor};
  std::size_t processes = 0;
  ExtractOptions options;
  std::optional<std::int64_t> clip_memory;
};

/// MB of address space for a process: a large recogniser is read, made float32 and used.
std::int64_t memory_for(const ExtractorModels& models) {
  constexpr std::int64_t kTimesWeights = 5;
  std::uintmax_t bytes = 0;
  if (std::filesystem::is_directory(models.speech))
    for (const auto& entry : std::filesystem::directory_iterator(models.speech))
      if (entry.is_regular_file()) bytes += entry.file_size();
  return WorkerLimits().megabytes + kTimesWeights * std::int64_t(bytes >> 20U);
}

std::string name_of(std::filesystem::path source) {
  source = std::filesystem::absolute(source).lexically_normal();
  if (!source.has_filename()) source = source.parent_path();  // "clips/"
  return std::filesystem::is_directory(source) ? source.filename().string() : source.stem().string();
}

void extract(const ExtractArguments& arguments) {
  require_video_reader();
  const auto list = list_media(arguments.source, arguments.subtitles);
  auto recipe = chosen_recipe(Recipe::load(arguments.recipe), arguments.models);
  const ExtractorModels models(arguments.models, recipe);
  (void)opensmile_for(recipe.audio, models.opensmile);  // what is wrong with it is told before any clip
  auto options = arguments.options;
  options.limits.megabytes = arguments.clip_memory.value_or(memory_for(models));
  options.source = name_of(arguments.source);
  options.shard = Shard::parse(arguments.shard);
  options.processes = arguments.processes > 0 ? arguments.processes : std::max(1U, std::thread::hardware_concurrency());
  ConsoleProgress progress;
  const auto counts = extract_clips(
      list, ExtractionFolder(arguments.out), recipe,
      [&] {
        at::set_num_threads(1);  // one process a core
        return std::make_unique<ClipExtractor>(recipe, models);
      },
      options, progress, catch_stop_signals());
  std::cout << fmt::format("{}: {} clips: {} extracted, {} from before, {} failed; {}\n", arguments.out, counts.clips,
                           counts.made, counts.there, counts.failed,
                           ExtractionFolder(arguments.out).report(options.shard).string());
}

void add_share(CLI::App& verb, double& share, const std::string& what) {
  verb.add_option("--most-failures", share, what)->check(CLI::Range(0.0, 1.0))->capture_default_str();
}

struct PackArguments {
  std::string folder, out, text = "given", align = "none", family;
  std::vector<double> range;
  PackOptions options;
};

/// A recogniser of English alone writes English words for Chinese ones, and nothing else tells.
void warn_of_languages(const PackedClips& packed, PackAlign align) {
  if (packed.recognised == 0 && align == PackAlign::none) return;  // nothing that was heard is used
  const auto named = lower_case(packed.dataset.language.substr(0, packed.dataset.language.find_first_of("-_")));
  if (named.size() != 2 && named != "yue") return;  // no code of Whisper's: cmn, Chinese
  std::size_t others = 0;
  std::string counts;
  for (const auto& [language, clips] : packed.languages) {
    if (language.empty() || named == language) continue;
    others += clips;
    counts += fmt::format("{}{} in {}", counts.empty() ? "" : ", ", language, clips);
  }
  if (others == 0) return;
  log_warning(
      "the data set is in {}, and words were heard as another language in {} clips ({}): recognised texts and times "
      "of words are worth little there; `kuda data extract --speech-model` names a recogniser that knows the language "
      "(`make multilingual` brings one), text.language of the recipe the language",
      named, others, counts);
}

void pack(const PackArguments& arguments) {
  auto options = arguments.options;
  options.text = value_of<PackText>(arguments.text, "text");
  options.align = value_of<PackAlign>(arguments.align, "align");
  if (!arguments.family.empty()) options.facts.family = metric_family(arguments.family);
  if (!arguments.range.empty()) options.facts.score_range = {arguments.range[0], arguments.range[1]};
  const auto packed = pack_clips(ExtractionFolder(arguments.folder), arguments.out, options);
  for (const auto& clip : packed.left_out) log_warning("left out: {}", clip);
  const auto& data = packed.dataset;
  std::cout << fmt::format("{}: {} clips (train {}, valid {}, test {}) of '{}', {} left out\n", arguments.out,
                           data.clips.size(), data.rows(Split::train).size(), data.rows(Split::valid).size(),
                           data.rows(Split::test).size(), data.name, packed.left_out.size());
  std::cout << fmt::format("without a face {}, without sound {}, without words {}; texts from the recogniser {}\n",
                           packed.missing.vision, packed.missing.audio, packed.missing.text, packed.recognised);
  std::cout << fmt::format("scores from {} to {}, metrics of {} (--range, --family)\n", data.score_low, data.score_high,
                           metric_family_name(data.family));
  warn_of_languages(packed, options.align);
}

}  // namespace

void add_data_extract(CLI::App& data) {
  auto options = std::make_shared<ExtractArguments>();
  auto* verb = data.add_subcommand("extract", "Features of faces, voices and words from raw video, a file a clip.");
  verb->add_option("source", options->source,
                   "folder with label.csv and Raw/VIDEO/CLIP.mp4, folder of media files, or one video")
      ->required();
  verb->add_option("--out", options->out, "folder to fill; the same command goes on in it")->required();
  verb->add_option("--subtitles", options->subtitles, "of one long video: .srt or .vtt; each is a clip");
  verb->add_option("--recipe", options->recipe, "TOML (default: configs/extract/default.toml, which is built in)");
  verb->add_option("--extractor", options->models.folder, "folder of the weights (scripts/setup.sh --extractor)")
      ->capture_default_str();
  verb->add_option(
      "--speech-model", options->models.speech,
      "Whisper folder in Hugging Face layout, such as extractors/whisper-base, which `make multilingual` brings "
      "(default: that of the extractor, English)");
  verb->add_option(
      "--opensmile", options->models.opensmile,
      "for audio columns of eGeMAPSv02: the folder opensmile/core of its Python package (research licence)");
  verb->add_option("--shard", options->shard, "I/N: the I-th of N parts, for N machines")->capture_default_str();
  verb->add_option("--processes", options->processes, "clips at a time, a core and about 0.5 GB each; 0 = all cores")
      ->check(whole_number(0))
      ->capture_default_str();
  add_share(*verb, options->options.most_failures, "share of clips that may fail; more is exit code 4");
  verb->add_option("--clip-seconds", options->options.limits.seconds, "a clip that takes longer has failed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option(
          "--clip-memory", options->clip_memory,
          "MB that a process may take beyond what it begins with (default: 4096, and five times the weights of the "
          "recogniser)")
      ->check(whole_number(256));
  verb->footer(
      "Nothing is done twice: files are named by the SHA-256 of video, part and recipe. report.csv has a row for each\n"
      "clip, also for those that failed, with the reason.\n"
      "Example:\n"
      "  kuda data extract MyVideos --out extracted && kuda data pack extracted mine\n"
      "  kuda data extract talk.mp4 --subtitles talk.srt --out extracted\n"
      "  kuda data extract MyVideos --out extracted --shard 3/64");
  verb->callback([options] { extract(*options); });
}

void add_data_pack(CLI::App& data) {
  auto options = std::make_shared<PackArguments>();
  auto* verb = data.add_subcommand("pack", "Join the files of `kuda data extract` to a data set.");
  verb->add_option("folder", options->folder, "folder of `kuda data extract`, every shard done")->required();
  verb->add_option("out", options->out, "prepared folder to write")->required();
  verb->add_option("--text", options->text,
                   "given = that of label.csv or the subtitles, recognised where there is none; recognised = always")
      ->check(CLI::IsMember({"given", "recognised"}))
      ->capture_default_str();
  verb->add_option("--align", options->align,
                   "words = one row of vision and audio for each word piece, the mean over its word's own time")
      ->check(CLI::IsMember({"none", "words"}))
      ->capture_default_str();
  verb->add_option("--encoder", options->options.encoder, "of --align words: the text encoder to train with");
  add_share(*verb, options->options.most_failures, "share of clips that may have failed; they are left out");
  verb->add_option("--name", options->options.facts.name, "name of the data set (default: that of its folder)");
  verb->add_option("--language", options->options.facts.language, "en, zh, ...");
  verb->add_option("--family", options->family, "metrics: sims or mosi");
  verb->add_option("--range", options->range, "lowest and highest score, for example -1 1")->expected(2);
  verb->footer(
      "A clip without a face, sound or words keeps its place and is masked there. Scores of raw video use recognised\n"
      "text: --text recognised trains on the same.\n"
      "Example:\n"
      "  kuda data pack extracted mine --language en\n"
      "  kuda data pack extracted mine-words --align words --encoder encoders/minilm    # for CubeMLP, TMBL, BBFN");
  verb->callback([options] { pack(*options); });
}

}  // namespace kuda

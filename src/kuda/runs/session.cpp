#include "kuda/runs/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/input_range.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/data/token_source.h"
#include "kuda/metrics/label_scale.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {
namespace {

/// Text reaches the model through an encoder: always for models on word pieces, for those on features where the data
/// have none.
bool needs_encoder(TextInput text, const DataConfig& collate, const Dataset& dataset) {
  if (!collate.uses(Modality::text)) return false;
  return text == TextInput::tokens || (text == TextInput::features && !dataset.text_features);
}

void warn_of_label_scale(const Dataset& dataset) {
  std::vector<float> labels;
  for (const Clip& clip : dataset.clips) labels.push_back(clip.label);
  if (const auto problem = off_scale(dataset.family, labels); !problem.empty())
    log_warning("{}: {}; {}", dataset.name, problem, kScaleHint);
}

/// Rows of word pieces (kuda data pack --align words) belong to the pieces that they were made for.
void require_own_pieces(const Dataset& dataset, const WordPiece& tokenizer) {
  constexpr std::int64_t kCompared = 200;
  if (!dataset.is_aligned || recipe_of(dataset).empty()) return;
  const auto agreement = token_agreement(dataset, tokenizer, kCompared);
  if (agreement.equal < agreement.checked)
    throw DataError(
        fmt::format("{}: its rows belong to the word pieces of another encoder than {}: {} of {} clips compared have "
                    "other pieces (first: {})",
                    dataset.source, tokenizer.path().string(), agreement.checked - agreement.equal, agreement.checked,
                    agreement.example),
        "kuda data pack --align words --encoder with this encoder");
}

void warn_of_other_lengths(const Dataset& dataset, const DataShape& shape) {
  for (const auto m : {Modality::vision, Modality::audio})
    if (dataset.is_aligned && shape.present[m] && shape.length.text > 0 && shape.length[m] != shape.length.text)
      log_warning(
          "{}: word-aligned, but {} word pieces and {} rows of {} are read, which are pooled to the pieces: set "
          "data.text_length, data.vision_length and data.audio_length to the same",
          dataset.name, shape.length.text, shape.length[m], modality_name(m));
}

/// Of some of the training texts: how many pieces the encoder does not know, and how many texts are longer than what is
/// read. Without a word the first looks like a model that learns nothing.
void note_texts(const Dataset& dataset, const WordPiece& tokenizer, std::int64_t text_length) {
  constexpr std::size_t kLookedAt = 500;
  constexpr std::int64_t kMostPieces = 512;
  constexpr double kTooManyUnknown = 0.2;
  const auto rows = dataset.rows(Split::train);
  const auto step = std::max<std::size_t>(rows.size() / kLookedAt, 1);
  std::size_t texts = 0, cut = 0;
  std::int64_t longest = 0, pieces = 0, unknown = 0;
  for (std::size_t i = 0; i < rows.size(); i += step) {
    const auto& text = dataset.clips[std::size_t(rows[i])].text;
    if (text.empty()) continue;
    const auto encoded = tokenizer.encode(text, kMostPieces);
    ++texts;
    pieces += encoded.length - 2;  // [CLS] and [SEP]
    unknown += std::count(encoded.ids.begin(), encoded.ids.begin() + encoded.length, tokenizer.unknown_id());
    longest = std::max(longest, encoded.length);
    cut += text_length > 0 && encoded.length > text_length ? 1 : 0;
  }
  if (double(unknown) > kTooManyUnknown * double(pieces))
    log_warning(
        "{}: of the word pieces of its texts {:.0f} % are unknown to the encoder {} ({} texts looked at): the model "
        "cannot read them; name an encoder of their language, for Chinese bert-base-chinese",
        dataset.name, 100 * double(unknown) / double(pieces), tokenizer.path().parent_path().string(), texts);
  if (cut > 0)
    log_info(
        "{}: {} of {} texts looked at are longer than {} word pieces (data.text_length) and are cut; the longest has "
        "{}",
        dataset.name, cut, texts, text_length, longest);
}

/// Attention over rows costs their square.
void warn_of_long_clips(const Dataset& dataset, const DataConfig& collate, const DataShape& shape) {
  constexpr std::int64_t kMany = 1500;
  for (const auto& [modality, asked] :
       {std::pair(Modality::vision, collate.vision_length), std::pair(Modality::audio, collate.audio_length)})
    if (asked == 0 && shape.present[modality] && shape.length[modality] > kMany)
      log_warning(
          "{}: clips of up to {} rows of {} are read whole, which is slow with models of attention: "
          "data.{}_length = 500 cuts them",
          dataset.name, shape.length[modality], modality_name(modality), modality_name(modality));
}

}  // namespace

Session::Session(const RunConfig& config, const std::string& path, const DataConfig& collate)
    : Session(config, open_dataset(path), collate) {
  require_own_features(dataset_);
}

Session::Session(const RunConfig& config, Dataset dataset, const DataConfig& collate)
    : collate_(collate), dataset_(std::move(dataset)) {
  require_unique_ids(dataset_);
  warn_of_label_scale(dataset_);
  const auto& info = find_model(config.model);
  const auto reads = config.model_config->text_input(info.text);
  if (info.needs_alignment && !dataset_.is_aligned)
    log_info("{}: not word-aligned: '{}' averages its frames over as many windows as a text has word pieces",
             dataset_.name, info.name);
  if (reads == TextInput::features && needs_encoder(reads, collate_, dataset_))
    log_info("{}: no text features: '{}' reads the last layer of the encoder, which is not trained", dataset_.name,
             info.name);
  if (needs_encoder(reads, collate_, dataset_)) {
    if (config.encoder.empty())
      throw ConfigError("model '" + config.model + "' reads text, and no text encoder is given",
                        "name a folder in Hugging Face layout: encoder = \"encoders/minilm\" (made by the set-up)");
    text_ = {BertConfig::load(config.encoder), config.encoder};
    tokenizer_ = load_tokenizer(config.encoder);
    if (tokenizer_->size() > text_.bert.vocab_size)
      throw CheckpointError(fmt::format("{} has {} pieces, config.json says {}", tokenizer_->path().string(),
                                        tokenizer_->size(), text_.bert.vocab_size),
                            "the vocabulary and the weights must come from the same encoder");
  }
  if (tokenizer_) require_own_pieces(dataset_, *tokenizer_);
  shape_ = shape_of(dataset_, collate_, tokenizer());
  if (tokenizer_) note_texts(dataset_, *tokenizer_, shape_.length.text);
  if (info.needs_alignment) warn_of_other_lengths(dataset_, shape_);
  warn_of_long_clips(dataset_, collate_, shape_);
  // A model may use the length of texts as a common length even where text itself is left out.
  if (shape_.length.text == 0) shape_.length.text = collate_.text_length;
  if (is_unread(dataset_)) return;  // to count is to read every frame
  for (const auto& line : describe(cleaning(), collate_)) log_info("{}: {}", dataset_.name, line);
}

const CleaningCounts& Session::cleaning() const {
  if (!cleaning_) cleaning_ = count_cleaning(dataset_, collate_);
  return *cleaning_;
}

Collator Session::collator(std::optional<Modality> target, bool crop) {
  auto config = collate_;
  config.target = target;
  config.crop = crop;
  Collator collator(dataset_, tokenizer(), config, normaliser_);
  normaliser_ = collator.normaliser();
  return collator;
}

CheckpointFacts Session::facts(const std::string& task, const DataShape& shape) const {
  CheckpointFacts facts;
  facts.task = task;
  facts.shape = shape;
  facts.bert = text_.bert;
  facts.family = dataset_.family;
  facts.score_low = dataset_.score_low;
  facts.score_high = dataset_.score_high;
  facts.data_name = dataset_.name;
  facts.data_fingerprint = dataset_.fingerprint;
  facts.source_sha256 = dataset_.source_sha256;
  facts.recipe = recipe_of(dataset_);
  facts.is_synthetic = dataset_.is_synthetic;
  facts.is_aligned = dataset_.is_aligned;
  if (!largest_input_) largest_input_ = largest_inputs(dataset_);
  facts.largest_input = *largest_input_;
  for (const auto modality : kModalities)
    if (const auto& feature = dataset_.feature(modality)) facts.padded_lengths[modality] = feature->padded_length;
  return facts;
}

}  // namespace kuda

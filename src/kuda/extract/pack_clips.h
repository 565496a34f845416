#pragma once
// From a folder of extraction to a prepared data set (data/sources/prepared.h) on which every system trains.
//
//   const PackedClips packed = pack_clips(ExtractionFolder("out"), "mine", {.facts = {.language = "en"}});

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/extract/extraction_folder.h"

namespace kuda {

/// Whose words a clip has.
enum class PackText { given, recognised };  ///< given: of the table or the subtitles, recognised where there is none
constexpr auto value_names(PackText) { return std::array{"given", "recognised"}; }

/// What a row of vision and audio stands for.
enum class PackAlign { none, words };  ///< none: a frame of the recipe; words: a word piece (data/word_rows.h)
constexpr auto value_names(PackAlign) { return std::array{"none", "words"}; }

struct PackOptions {
  PackText text = PackText::given;
  PackAlign align = PackAlign::none;
  std::filesystem::path encoder;  ///< of alignment by words: whose word pieces
  DataFacts facts;
  double most_failures = 0.1;  ///< share of the clips that may have failed; they are left out
};

struct PackedClips {
  Dataset dataset;
  std::vector<std::string> left_out;  ///< "ID: reason" of clips that failed
  PerModality<std::size_t> missing;   ///< clips without it
  std::size_t recognised = 0;         ///< clips whose text is recognised
  /// Clips in which words were heard, by the language they were heard in.
  std::map<std::string, std::size_t> languages;
};

/// Aligned by words, text, vision and audio have the same length, that of the word pieces, which are stored too; a clip
/// in which no word was heard has no vision and no audio then.
/// Features go from file to file and are never held in memory. The same clips give the same bytes, however many shards
/// made them. Throws DataError: clips that no report names (their shard is not done), a report whose clips have no
/// file, too many failures, features of other widths than the recipe's, columns of openSMILE by two libraries;
/// UsageError for words without an encoder; what load_tokenizer throws.
PackedClips pack_clips(const ExtractionFolder& folder, const std::filesystem::path& target,
                       const PackOptions& options = {});

}  // namespace kuda

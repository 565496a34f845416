// The page of `kuda serve` in a real browser. Where there is none, or it cannot be started, every test is skipped.
// KUDA_SCREENSHOTS=DIR keeps pictures of the main states.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/predictor/test_npy.h"
#include "tests/program.h"
#include "tests/served.h"
#include "tests/webdriver.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::AllOf;
using testing::Each;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kSameScore = 1e-6;  // float32 of one model; other batches round otherwise

const char* const kHostileText = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=2</script> & so on";
const char* const kHostileVideo = "<script>window.hacked=3</script>";

void write_text(const fs::path& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

/// A small trained model, served with its data, in which one clip tries to be markup; and a browser.
class PageInBrowser : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    browser_ = Browser::start(*folder_ / "browser", why_);
    if (!browser_) {
      std::cout << "the page is not tested, because no browser can be started: " << why_ << std::endl;
      return;
    }
    write_small_encoder(*folder_ / "bert", 6, 32);
    run_kuda({"data", "synth", "clips", "--train", "16", "--valid", "6", "--test", "6"}, folder_->path());
    const auto trained =
        run_kuda({"train", "-d", "clips", "-m", "kuda", "-s", "7", "--encoder", "bert", "--out", "run", "--set",
                  "train.epochs=1", "--set", "pretrain.epochs=1", "--set", "kuda.blocks=1", "--profile", "selecting"},
                 folder_->path());
    if (trained.exit_code != 0) {
      why_failed_ = trained.err;
      return;
    }
    make_hostile_data();
    served_ = std::make_unique<Served>(folder_->path(), "serve",
                                       std::vector<std::string>{"--data", (*folder_ / "hostile").string()});
    if (!served_->is_up()) why_failed_ = served_->output();
  }

  static void TearDownTestSuite() {
    browser_.reset();
    served_.reset();
    folder_.reset();
  }

  void SetUp() override {
    if (!browser_) GTEST_SKIP() << "no browser: " << why_;
    ASSERT_EQ(why_failed_, "");
    open(*served_);
    browser_->wait_for("document.querySelectorAll('#clips li').length > 0");
    id_ = served_->get("/v1/clips?split=test&offset=1&limit=1")["clips"][0]["id"];
  }

  static void open(const Served& server) {
    browser_->set_phone(0, 0);
    browser_->prefer("prefers-color-scheme", "light");
    browser_->go(server.url());
    browser_->wait_for("!document.getElementById('columns').hidden || !document.getElementById('token-part').hidden");
  }

  /// The data of the model, in which the first clip of the split test has a text and an id that are markup.
  static void make_hostile_data() {
    auto data = open_dataset(*folder_ / "clips");
    auto& clip =
        *std::find_if(data.clips.begin(), data.clips.end(), [](const Clip& each) { return each.split == Split::test; });
    clip.text = kHostileText;
    clip.video_id = kHostileVideo;
    write_prepared(*folder_ / "hostile", data);
  }

  /// After something was clicked that is scored at once.
  static void wait_until_scored() {
    browser_->wait_for("!document.body.hasAttribute('aria-busy') && document.getElementById('score') !== null");
  }

  /// Selects a clip in the list; ids hold no quotes.
  static std::string item_of(const std::string& id) { return "#clips button[data-id=\"" + id + "\"]"; }

  /// Finds a clip by its id, and scores it.
  static void pick(const std::string& id) {
    browser_->clear("#query");
    browser_->type("#query", id + keys::kEnter);
    browser_->wait_for("document.querySelectorAll('#clips li').length < 28 && document.querySelector(" +
                       Json(item_of(id)).dump() + ") !== null");
    browser_->click(item_of(id));
    wait_until_scored();
    ASSERT_EQ(browser_->value("document.querySelector('#clips [aria-pressed=true]').dataset.id"), id);
  }

  static double number(const std::string& selector) {
    return std::stod(browser_->value("document.querySelector(" + Json(selector).dump() + ").value").get<std::string>());
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  static std::unique_ptr<Browser> browser_;
  static std::unique_ptr<Served> served_;
  static std::string why_, why_failed_;
  std::string id_;  ///< of a clip
};
std::unique_ptr<TemporaryFolder> PageInBrowser::folder_;
std::unique_ptr<Browser> PageInBrowser::browser_;
std::unique_ptr<Served> PageInBrowser::served_;
std::string PageInBrowser::why_, PageInBrowser::why_failed_;

TEST_F(PageInBrowser, AWrittenSentenceGetsTheScoreOfPredict) {
  browser_->type("#text", "a fine film");
  browser_->click("#score-it");
  wait_until_scored();
  const auto expected = served_->post("/v1/predict", Json{{"text", "a fine film"}});
  EXPECT_NEAR(number("#score"), expected["score"].get<double>(), kSameScore);
  EXPECT_THAT(browser_->text("#headline"), HasSubstr("on a scale from"));
  EXPECT_THAT(browser_->value("document.getElementById('scale').getAttribute('aria-label')").get<std::string>(),
              HasSubstr("Score"));
  EXPECT_THAT(browser_->value("document.getElementById('announcement').textContent").get<std::string>(),
              HasSubstr("Score"))
      << "for who does not see it";
  EXPECT_THAT(browser_->text("#interval"), HasSubstr("every modality"));
  EXPECT_EQ(browser_->value("document.getElementById('use-vision').disabled"), true) << "the clip has none";
  EXPECT_THAT(browser_->text("#switch-list"), HasSubstr("the clip has none"));
}

TEST_F(PageInBrowser, APickedClipShowsItsIntervalItsLabelAndWhatEachModalitySays) {
  pick(id_);
  const auto expected = served_->post("/v1/explain", Json{{"clip", id_}});
  const auto clip = served_->get("/v1/clips?split=test&offset=1&limit=1")["clips"][0];
  EXPECT_NEAR(number("#score"), expected["score"].get<double>(), kSameScore);
  EXPECT_THAT(browser_->text("#scored"), AllOf(HasSubstr(clip["text"].get<std::string>()), HasSubstr(id_)));
  EXPECT_THAT(browser_->text("#interval"), HasSubstr("80 %"));
  EXPECT_EQ(browser_->value("document.querySelectorAll('#scale .band, #scale .label').length"), 2);
  for (const std::string modality : {"text", "vision", "audio"}) {
    const auto cell = [&](int column) {
      return number("#modalities [data-modality=" + modality + "] td:nth-child(" + std::to_string(column) + ") data");
    };
    EXPECT_NEAR(cell(2), expected["unimodal"][modality].get<double>(), kSameScore) << modality;
    EXPECT_NEAR(cell(3), expected["share"][modality].get<double>(), kSameScore) << modality;
    EXPECT_NEAR(cell(4), expected["without"][modality].get<double>(), kSameScore) << modality;
    EXPECT_NEAR(cell(5), expected["ratio"][modality].get<double>(), kSameScore) << modality;
    EXPECT_THAT(browser_->text("#sum"), HasSubstr(modality));
  }
  EXPECT_THAT(
      browser_->text("#evidence"),
      AllOf(HasSubstr(expected["leading"]["removal"].get<std::string>() + " by removal"),
            HasSubstr(expected["leading"]["ratio"].get<std::string>() + " by the ratio"), HasSubstr("may disagree")));
  browser_->keep_picture("light");
  browser_->prefer("prefers-color-scheme", "dark");
  browser_->keep_picture("dark");
}

TEST_F(PageInBrowser, AScoreOfAnotherTextIsMarkedAndAWaitIsShown) {
  const auto is_shown = [](const char* id) {
    return browser_->value("!document.getElementById('" + std::string(id) + "').hidden") == true;
  };
  browser_->type("#text", "a fine film");
  EXPECT_FALSE(is_shown("waiting"));
  EXPECT_EQ(browser_->value("(document.getElementById('score-it').click(), document.getElementById('waiting').hidden)"),
            false)
      << "until the answer comes";
  wait_until_scored();
  EXPECT_FALSE(is_shown("waiting"));
  EXPECT_FALSE(is_shown("stale"));
  browser_->type("#text", "s");
  EXPECT_THAT(browser_->text("#stale"), HasSubstr("the text above changed"));
  EXPECT_EQ(browser_->value("document.getElementById('result').classList.contains('old')"), true);
  browser_->type("#text", keys::kBackspace);
  EXPECT_FALSE(is_shown("stale")) << "it is as it was";
  browser_->type("#text", "s");
  pick(id_);
  EXPECT_FALSE(is_shown("stale")) << "a clip of the data is not what is written above";
}

TEST_F(PageInBrowser, AClipThatIsCutSaysSo) {
  browser_->type("#text", "fine");
  browser_->click("#score-it");
  wait_until_scored();
  EXPECT_EQ(browser_->value("document.getElementById('cut').hidden"), true);
  browser_->type("#text", std::string(60, '!'));
  browser_->click("#score-it");
  browser_->wait_for("!document.getElementById('cut').hidden");
  const auto cut = served_->post("/v1/predict", Json{{"text", "fine" + std::string(60, '!')}})["cut"]["text"];
  EXPECT_THAT(browser_->text("#cut"), HasSubstr(std::to_string(cut["to"].get<int>()) + " of " +
                                                std::to_string(cut["from"].get<int>()) + " word pieces"));
}

TEST_F(PageInBrowser, SwitchingAModalityOffScoresWithoutItAtOnce) {
  pick(id_);
  const auto whole = number("#score");
  browser_->click("#use-vision");
  wait_until_scored();
  const auto expected = served_->post("/v1/predict", Json{{"clip", id_}, {"without", Json::array({"vision"})}});
  EXPECT_NEAR(number("#score"), expected["score"].get<double>(), kSameScore);
  EXPECT_NEAR(number("#difference"), expected["score"].get<double>() - whole, 2 * kSameScore);
  EXPECT_THAT(browser_->text("#change"), HasSubstr("Without vision"));
  EXPECT_EQ(browser_->value("document.querySelectorAll('#scale .before').length"), 1);
  browser_->keep_picture("without-vision");
  browser_->click("#use-audio");
  wait_until_scored();
  EXPECT_THAT(browser_->text("#change"), HasSubstr("vision and audio"));
  browser_->click("#use-text");
  EXPECT_THAT(browser_->text("#change"), HasSubstr("One modality must stay"));
  EXPECT_EQ(browser_->value("document.getElementById('use-text').checked"), true);
  browser_->click("#use-vision");
  wait_until_scored();
  browser_->click("#use-audio");
  wait_until_scored();
  EXPECT_EQ(number("#score"), whole);
}

TEST_F(PageInBrowser, AFileFarFromTrainingIsMarked) {
  const auto width = served_->get("/v1/model")["inputs"]["audio"]["width"].get<std::int64_t>();
  write_text(*folder_ / "loud.npy", npy_bytes({2, width}, std::vector<float>(std::size_t(2 * width), 1e6F)));
  browser_->type("#text", "a fine film");
  browser_->click("#files summary");
  browser_->type("#file-audio", (*folder_ / "loud.npy").string());
  browser_->click("#score-it");
  wait_until_scored();
  EXPECT_THAT(browser_->text("#interval"), HasSubstr("Values of audio are more than ten times as large"));
}

TEST_F(PageInBrowser, FilesAreFeatures) {
  const auto inputs = served_->get("/v1/model")["inputs"];
  const auto frames = [&](const char* modality, float first) {
    const auto width = inputs[modality]["width"].get<std::int64_t>();
    std::vector<float> values;
    for (std::int64_t i = 0; i < 4 * width; ++i) values.push_back(first + 0.01F * float(i % 7));
    return npy_bytes({4, width}, values);
  };
  const auto vision = frames("vision", 0.2F), audio = frames("audio", -0.1F);
  write_text(*folder_ / "vision.npy", vision);
  write_text(*folder_ / "audio.npy", audio);
  browser_->type("#text", "a fine film");
  browser_->click("#files summary");
  browser_->type("#file-vision", (*folder_ / "vision.npy").string());
  browser_->type("#file-audio", (*folder_ / "audio.npy").string());
  browser_->click("#score-it");
  wait_until_scored();
  const auto post = [&](const std::string& without) {
    return served_->post("/v1/predict", httplib::MultipartFormDataItems{{"text", "a fine film", "", ""},
                                                                        {"without", without, "", ""},
                                                                        {"vision", vision, "vision.npy", ""},
                                                                        {"audio", audio, "audio.npy", ""}});
  };
  EXPECT_NEAR(number("#score"), post("")["score"].get<double>(), kSameScore);
  EXPECT_THAT(browser_->text("#scored"), HasSubstr("vision.npy"));
  browser_->click("#use-text");
  wait_until_scored();
  EXPECT_NEAR(number("#score"), post("text")["score"].get<double>(), kSameScore);
}

TEST_F(PageInBrowser, TheAttentionMapHasTheWordPieces) {
  browser_->type("#text", "fine film");
  browser_->click("#score-it");
  wait_until_scored();
  const auto expected = served_->post("/v1/explain", Json{{"text", "fine film"}, {"attention", true}});
  const auto tokens = expected["tokens"].get<std::vector<std::string>>();
  ASSERT_GE(tokens.size(), 4U);
  EXPECT_THAT(browser_->value("[...document.querySelectorAll('#map .piece')].map((t) => t.textContent)")
                  .get<std::vector<std::string>>(),
              ElementsAreArray(tokens));
  const auto& map = expected["attention"]["text"];
  EXPECT_EQ(browser_->value("document.querySelectorAll('#map .cell').length"), map.size() * map[0].size());
  EXPECT_THAT(browser_->value("document.querySelector('#map svg').getAttribute('aria-label')").get<std::string>(),
              HasSubstr(std::to_string(tokens.size()) + " word pieces"));
  pick(id_);
  browser_->click("#attention-choice input[value=vision]");
  EXPECT_THAT(browser_->value("document.querySelector('#map svg').getAttribute('aria-label')").get<std::string>(),
              HasSubstr("steps of vision"));
}

TEST_F(PageInBrowser, NearestTrainingClipsAreListedAndCanBeScored) {
  pick(id_);
  browser_->wait_for("document.querySelectorAll('#nearest-list li').length === 5");
  const auto distances =
      browser_->value("[...document.querySelectorAll('#nearest-list data')].map((d) => Number(d.value))")
          .get<std::vector<double>>();
  EXPECT_TRUE(std::is_sorted(distances.begin(), distances.end()));
  browser_->click("#nearest-list li button");
  wait_until_scored();
  EXPECT_THAT(browser_->text("#scored"), HasSubstr("train"));
}

TEST_F(PageInBrowser, TheKeyboardIsEnough) {
  const auto tab_to = [&](const std::string& what) {
    for (int i = 0; i < 60; ++i) {
      browser_->type(keys::kTab);
      EXPECT_EQ(browser_->value("document.activeElement === document.body || "
                                "getComputedStyle(document.activeElement).outlineStyle !== 'none'"),
                true)
          << "no outline around " << browser_->value("document.activeElement.outerHTML");
      if (browser_->value("document.activeElement.matches('" + what + "')") == true) return;
    }
    FAIL() << "the tabulator does not come to " << what;
  };
  tab_to("#text");
  browser_->type("a fine film" + keys::kControl + keys::kEnter);
  wait_until_scored();
  EXPECT_THAT(browser_->text("#scored"), HasSubstr("a fine film"));
  tab_to("#query");
  browser_->type(id_ + keys::kEnter);
  browser_->wait_for("document.querySelectorAll('#clips li').length < 28");
  tab_to("#clips button");
  browser_->type(keys::kEnter);
  browser_->wait_for("document.querySelector('#clips [aria-pressed=true]') !== null");
  tab_to("#use-audio");
  browser_->type(" ");
  browser_->wait_for("document.getElementById('difference') !== null");
  EXPECT_EQ(browser_->value("document.activeElement.id"), "use-audio") << "the focus stays";
  tab_to("#map");
}

TEST_F(PageInBrowser, FitsAPhone) {
  browser_->set_phone(360, 740);
  const auto fits = [&] {
    return browser_->value("document.documentElement.scrollWidth <= 360 && window.innerWidth === 360") == true;
  };
  EXPECT_TRUE(fits());
  pick(id_);
  browser_->click("#files summary");
  browser_->click("#use-vision");
  wait_until_scored();
  browser_->wait_for("document.querySelectorAll('#nearest-list li').length === 5");
  EXPECT_TRUE(fits());
  EXPECT_EQ(browser_->value("[...document.querySelectorAll('button, input, select, textarea, summary')]"
                            ".filter((e) => e.offsetWidth > 0 && e.getBoundingClientRect().right > 360).length"),
            0);
  browser_->keep_picture("phone");
  pick(served_->get("/v1/clips?split=test&limit=1")["clips"][0]["id"]);
  EXPECT_TRUE(fits()) << "also with one long word";
}

TEST_F(PageInBrowser, MistakesAreShownWithWhatToDo) {
  browser_->click("#score-it");
  browser_->wait_for("document.querySelector('#alert .message') !== null");
  EXPECT_EQ(browser_->value("document.getElementById('alert').getAttribute('role')"), "alert");
  EXPECT_THAT(browser_->text("#alert"),
              AllOf(HasSubstr("expected at least one modality"), HasSubstr("the model reads text, vision, audio")));
  write_text(*folder_ / "no.npy", "this is no array");
  browser_->click("#files summary");
  browser_->type("#file-vision", (*folder_ / "no.npy").string());
  browser_->click("#score-it");
  browser_->wait_for("document.getElementById('alert').textContent.includes('vision')");
  browser_->keep_picture("mistake");
  browser_->type("#text", "a fine film");
  browser_->wait_for("(document.getElementById('file-vision').value = '', true)");
  browser_->click("#score-it");
  wait_until_scored();
  EXPECT_EQ(browser_->value("document.getElementById('alert').children.length"), 0) << "it is over";
}

TEST_F(PageInBrowser, NothingFromDataIsMarkup) {
  const auto clip = served_->get("/v1/clips?split=test&limit=1")["clips"][0];
  ASSERT_EQ(clip["text"], kHostileText);
  ASSERT_THAT(clip["id"].get<std::string>(), HasSubstr(kHostileVideo));
  pick(clip["id"]);
  EXPECT_EQ(browser_->text("#scored blockquote"), kHostileText);
  EXPECT_THAT(browser_->text("#scored .small"), HasSubstr(kHostileVideo));
  browser_->wait_for("document.querySelectorAll('#nearest-list li').length === 5");
  EXPECT_EQ(browser_->value("typeof window.hacked"), "undefined");
  EXPECT_EQ(browser_->value("document.querySelectorAll('img, iframe, object').length"), 0);
  EXPECT_EQ(browser_->value("document.scripts.length"), 1);
}

TEST_F(PageInBrowser, TextStandsOutFromItsBackground) {
  pick(id_);
  browser_->wait_for("document.querySelectorAll('#nearest-list li').length === 5");
  const std::string too_faint = R"js((() => {
    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const light = (color) => channels(color).slice(0, 3)
      .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (node) => {
      for (; node; node = node.parentElement) {
        const color = getComputedStyle(node).backgroundColor;
        if (channels(color).length < 4 || channels(color)[3] > 0) return color;
      }
      return "rgb(255, 255, 255)";
    };
    return [...document.querySelectorAll("p, label, legend, button, th, td, li, a, h1, h2, h3, summary, .leads, .small, .words")]
      .filter((node) => node.offsetWidth > 0 && node.textContent.trim() && !node.querySelector(":disabled"))
      .filter((node) => {
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05) < 4.5;
      }).map((node) => node.outerHTML.slice(0, 200));
  })())js";
  for (const char* scheme : {"light", "dark"}) {
    browser_->prefer("prefers-color-scheme", scheme);
    EXPECT_EQ(browser_->value(too_faint), Json::array()) << scheme;
  }
}

TEST_F(PageInBrowser, SaysWhyItTakesNoVideos) {
  EXPECT_THAT(browser_->text("#video-none"), HasSubstr("No videos here: the checkpoint keeps no extractor"));
  EXPECT_EQ(browser_->value("document.getElementById('video-ways').hidden"), true);
}

TEST_F(PageInBrowser, TheTokenIsAskedFor) {
  write_text(*folder_ / "token", "secret\n");
  const Served guarded(folder_->path(), "guarded", {"--token-file", (*folder_ / "token").string()});
  ASSERT_TRUE(guarded.is_up()) << guarded.output();
  open(guarded);
  EXPECT_EQ(browser_->value("document.activeElement.id"), "token");
  browser_->type("#token", "wrong" + keys::kEnter);
  browser_->wait_for("document.getElementById('alert').textContent.includes('token')");
  browser_->type("#token", "secret" + keys::kEnter);
  browser_->wait_for("!document.getElementById('columns').hidden");
  EXPECT_EQ(browser_->value("document.getElementById('picker').hidden"), true) << "it was given no data";
  browser_->type("#text", "a fine film");
  browser_->click("#score-it");
  wait_until_scored();
  EXPECT_EQ(browser_->value("localStorage.length + sessionStorage.length + document.cookie.length"), 0);
}

// The last one: it looks at what all the others made the browser ask for.
TEST_F(PageInBrowser, NoRequestLeavesTheServer) {
  std::vector<std::string> foreign;
  for (const auto& url : browser_->requested_urls())
    if (!url.starts_with("http://127.0.0.1:") && !url.starts_with("data:") && !url.starts_with("about:"))
      foreign.push_back(url);
  EXPECT_THAT(foreign, IsEmpty());
  EXPECT_THAT(browser_->console(), Each(AllOf(Not(HasSubstr("Content Security Policy")), Not(HasSubstr("Uncaught")))));
}

}  // namespace
}  // namespace kuda::test

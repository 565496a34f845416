// Videos on the page of `kuda serve`: chosen, dropped and recorded, in Chromium with a camera that shows a clip of
// GRID. Skipped where the browser, the ffmpeg program, FFmpeg's libraries, the weights or the clips are missing.
// KUDA_SCREENSHOTS=DIR keeps pictures.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"
#include "tests/served.h"
#include "tests/webdriver.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kExtraction = 120;     // seconds: one takes a few, beside other programs many
constexpr double kSameScore = 1e-6;  // float32 of one model; other batches round otherwise

void run_or_throw(const std::string& command, const fs::path& folder) {
  const auto outcome = run_shell(command, folder);
  if (outcome.exit_code != 0) throw std::runtime_error(command + ": " + outcome.err);
}

/// A model trained for a moment on the features of three clips, which stand for twelve: what it says means nothing.
class VideoPage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto grid = shared_file("data/grid"), weights = fs::path(KUDA_SOURCE_DIR) / "extractors/default";
    why_ = !fs::exists(weights)                                  ? "no weights: scripts/setup.sh --extractor"
           : !fs::exists(grid / "bbaf2n.mpg")                    ? "no clips of GRID at " + grid.string()
           : run_shell("ffmpeg -version", "/tmp").exit_code != 0 ? "no ffmpeg program"
                                                                 : "";
    if (why_.empty()) {
      folder_ = std::make_unique<TemporaryFolder>();
      try {
        make_clips(grid);
        browser_ = Browser::start(*folder_ / "browser", why_,
                                  {"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                                   "--autoplay-policy=no-user-gesture-required",
                                   "--use-file-for-fake-video-capture=" + (*folder_ / "camera.mjpeg").string()});
        if (browser_) serve(grid, weights);
      } catch (const std::exception& error) {
        why_failed_ = error.what();
      }
    }
    if (!why_.empty()) std::cout << "the page is not tested with videos: " << why_ << std::endl;
  }

  static void TearDownTestSuite() {
    browser_.reset();
    served_.reset();
    folder_.reset();
  }

  /// What Chromium plays, and what its camera shows.
  static void make_clips(const fs::path& grid) {
    const auto clip = "ffmpeg -nostdin -v error -y -i '" + (grid / "bbaf2n.mpg").string() + "' ";
    run_or_throw(clip + "-c:v libvpx -b:v 1M -c:a libopus talk.webm", folder_->path());
    run_or_throw(clip + "-c:v mjpeg -q:v 3 -f mjpeg camera.mjpeg", folder_->path());
    const std::string made = "ffmpeg -nostdin -v error -y -f lavfi -i testsrc=duration=2:size=320x240:rate=10 ";
    run_or_throw(made + "-c:v libvpx still.webm", folder_->path());
    run_or_throw(made + "-f lavfi -i sine=440:duration=2 -c:v libvpx -c:a libopus tone.webm", folder_->path());
  }

  static void serve(const fs::path& grid, const fs::path& weights) {
    std::string table = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode\n";
    const std::vector<std::string> names{"bbaf2n.mpg", "brbk7n.mpg", "id2_vcd_swwp2s.mpg"};
    for (int i = 0; i < 12; ++i) {
      const auto place = *folder_ / "videos/Raw" / std::to_string(i);
      fs::create_directories(place);
      fs::create_symlink(grid / names[std::size_t(i) % 3], place / "1.mpg");
      table += fmt::format("{0},1,,{1},{1},{1},{1},,{2}\n", i, i % 3 - 1, i < 6 ? "train" : i < 9 ? "valid" : "test");
    }
    std::ofstream(*folder_ / "videos/label.csv") << table;
    write_small_encoder(*folder_ / "bert", 6, 32);
    const std::string program = "kuda ", extractor = " --extractor '" + weights.string() + "'";
    run_or_throw(program + "data extract videos --out extracted --processes 1" + extractor, folder_->path());
    run_or_throw(program + "data pack extracted clips --language en --range -1 1", folder_->path());
    run_or_throw(program +
                     "train -d clips -m kuda -s 7 --encoder bert --out run --set train.epochs=1 "
                     "--set pretrain.epochs=1 --set kuda.blocks=1 --profile masked" +
                     extractor,
                 folder_->path());
    served_ = std::make_unique<Served>(folder_->path(), "serve", std::vector<std::string>{});
    if (!served_->is_up()) throw std::runtime_error(served_->output());
  }

  void SetUp() override {
    if (!browser_ && why_failed_.empty()) GTEST_SKIP() << why_;
    ASSERT_EQ(why_failed_, "");
    browser_->set_phone(0, 0);
    browser_->go(served_->url());
    browser_->wait_for("!document.getElementById('columns').hidden");
  }

  static void wait_until_scored() {
    browser_->wait_for("!document.body.hasAttribute('aria-busy') && document.getElementById('score') !== null",
                       kExtraction);
    browser_->wait_for("document.getElementById('curve-state').textContent.includes('windows of')", kExtraction);
  }
  static void choose(const std::string& name) { browser_->type("#video-file", (*folder_ / name).string()); }
  static std::size_t count(const std::string& selector) {
    return browser_->value("document.querySelectorAll('" + selector + "').length").get<std::size_t>();
  }
  static double position() { return browser_->value("document.getElementById('player').currentTime").get<double>(); }
  [[nodiscard]] static httplib::MultipartFormDataItems upload(const std::string& name) {
    return {{"video", read_file(*folder_ / name), name, ""}};
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  static std::unique_ptr<Browser> browser_;
  static std::unique_ptr<Served> served_;
  static std::string why_, why_failed_;
};
std::unique_ptr<TemporaryFolder> VideoPage::folder_;
std::unique_ptr<Browser> VideoPage::browser_;
std::unique_ptr<Served> VideoPage::served_;
std::string VideoPage::why_, VideoPage::why_failed_;

TEST_F(VideoPage, AFileGetsItsScoreItsWordsItsFaceAndItsCurve) {
  choose("talk.webm");
  wait_until_scored();
  const auto expected = served_->post("/v1/explain", upload("talk.webm"));
  const auto score = browser_->value("document.getElementById('score').value").get<std::string>();
  EXPECT_NEAR(std::stod(score), expected["score"].get<double>(), kSameScore);
  const auto& words = expected["video"]["words"];
  ASSERT_GE(words.size(), 3U) << "the clip says: bin blue at F two now";
  EXPECT_EQ(count(".word"), words.size());
  EXPECT_THAT(browser_->text("#transcript"), HasSubstr(words[1]["text"].get<std::string>()));
  EXPECT_THAT(browser_->text("#scored"), AllOf(HasSubstr("talk.webm"), HasSubstr("a face in")));

  browser_->click(".word:nth-child(2)");
  const auto begin = words[1]["begin"].get<double>();
  browser_->wait_for("!document.getElementById('player').seeking");
  EXPECT_NEAR(position(), begin, 0.05);
  EXPECT_EQ(browser_->value("document.querySelector('.word[aria-current]').textContent"), words[1]["text"]);
  ASSERT_EQ(count("#face rect"), 1U);
  const auto box = browser_
                       ->value(
                           "['x', 'y', 'width', 'height'].map((name) => "
                           "Number(document.querySelector('#face rect').getAttribute(name)))")
                       .get<std::vector<double>>();
  EXPECT_NEAR(box[0] + box[2] / 2, 0.5, 0.15) << "the speakers of GRID sit in the middle";
  EXPECT_NEAR(box[1] + box[3] / 2, 0.5, 0.25);
  EXPECT_EQ(browser_->value("(() => { const [a, b] = ['face', 'player'].map((id) => "
                            "document.getElementById(id).getBoundingClientRect()); "
                            "return Math.abs(a.width - b.width) < 1 && Math.abs(a.height - b.height) < 1; })()"),
            true)
      << "the box is drawn over the picture";

  const auto answer = served_->client().Post("/v1/timeline?window=1.00&step=0.50", upload("talk.webm"));
  std::vector<double> scores;
  for (std::size_t at = 0; (at = answer->body.find("event: window\ndata: ", at)) != std::string::npos; ++at) {
    const auto from = at + 20;
    scores.push_back(Json::parse(answer->body.substr(from, answer->body.find('\n', from) - from))["score"]);
  }
  const auto drawn = browser_->value("[...document.querySelectorAll('#curve-words data')].map((d) => Number(d.value))")
                         .get<std::vector<double>>();
  ASSERT_EQ(drawn.size(), scores.size());
  EXPECT_GE(drawn.size(), 5U);
  for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_NEAR(drawn[i], scores[i], kSameScore) << i;
  EXPECT_EQ(count("#curve circle"), drawn.size());
  browser_->keep_picture("video");

  EXPECT_EQ(browser_->value("(document.getElementById('player').play(), true)"), true);
  browser_->wait_for(
      "document.getElementById('player').ended || "
      "document.getElementById('player').currentTime > " +
      words[2]["begin"].dump());
  browser_->wait_for("document.getElementById('player').ended");
}

TEST_F(VideoPage, LeavingAModalityOutScoresAndDrawsAgain) {
  choose("talk.webm");
  wait_until_scored();
  const auto before = browser_->text("#score");
  browser_->click("#use-vision");
  browser_->wait_for("document.getElementById('difference') !== null");
  wait_until_scored();
  auto form = upload("talk.webm");
  form.push_back({"without", "vision", "", ""});
  const auto score = browser_->value("document.getElementById('score').value").get<std::string>();
  EXPECT_NEAR(std::stod(score), served_->post("/v1/predict", form)["score"].get<double>(), kSameScore);
  EXPECT_THAT(browser_->text("#change"), HasSubstr("Without vision"));
}

TEST_F(VideoPage, ADroppedFileIsScored) {
  choose("tone.webm");
  wait_until_scored();
  EXPECT_EQ(
      browser_->value("(() => { const data = new DataTransfer(); "
                      "data.items.add(new File([document.getElementById('video-file').files[0]], 'dropped.webm')); "
                      "return document.getElementById('drop').dispatchEvent("
                      "new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })()"),
      false)
      << "the browser does not open it itself";
  browser_->wait_for("document.getElementById('scored').textContent.includes('dropped.webm')", kExtraction);
  wait_until_scored();
}

TEST_F(VideoPage, WhatIsMissingIsSaidInWords) {
  choose("tone.webm");
  wait_until_scored();
  EXPECT_THAT(browser_->text("#lacks"),
              AllOf(HasSubstr("No vision: no face was found in "), HasSubstr("No text: nobody speaks")));
  EXPECT_THAT(browser_->text("#transcript"), HasSubstr("No words: nobody speaks"));
  EXPECT_THAT(browser_->text("#switch-list"), HasSubstr("vision (no face was found in "));
  EXPECT_EQ(count("#face rect"), 0U);
  choose("still.webm");
  browser_->wait_for("document.querySelector('#alert .message') !== null", kExtraction);
  EXPECT_THAT(browser_->text("#alert"), AllOf(HasSubstr("video: nothing is left that the model reads"),
                                              HasSubstr("vision: no face was found"), HasSubstr("there is no sound")));
}

TEST_F(VideoPage, ARecordingByCameraAndMicrophoneIsScored) {
  browser_->click("#record");
  browser_->wait_for("!document.getElementById('recording').hidden");
  browser_->wait_for("document.getElementById('camera').videoWidth > 0");
  EXPECT_EQ(browser_->value("document.activeElement.id"), "stop");
  browser_->wait_for("document.getElementById('recorded').textContent.startsWith('0:02')");
  browser_->keep_picture("recording");
  browser_->click("#stop");
  wait_until_scored();
  EXPECT_THAT(browser_->text("#scored"), AllOf(HasSubstr("recording.webm"), HasSubstr("a face in")));
  EXPECT_EQ(browser_->value("document.getElementById('camera').srcObject"), nullptr) << "the camera is off";
  browser_->wait_for("Number.isFinite(document.getElementById('player').duration)");
  EXPECT_GE(browser_->value("document.getElementById('player').duration").get<double>(), 1.5);
  browser_->wait_for("document.querySelectorAll('#face rect').length === 1");
  browser_->keep_picture("recorded");

  browser_->click("#record");
  browser_->wait_for("!document.getElementById('recording').hidden");
  browser_->click("#discard");
  browser_->wait_for("!document.getElementById('record').hidden");
  EXPECT_EQ(browser_->value("document.body.hasAttribute('aria-busy')"), false) << "nothing is scored";
}

TEST_F(VideoPage, WordsAndCurveAreReachedWithTheKeyboard) {
  choose("talk.webm");
  wait_until_scored();
  EXPECT_EQ(count(".word[tabindex=\"0\"]"), 1U) << "one stop of the tabulator";
  EXPECT_EQ(browser_->value("(document.querySelector('.word').focus(), true)"), true);
  browser_->type("\xee\x80\x94" + keys::kEnter);  // to the right
  browser_->wait_for("document.activeElement === document.querySelectorAll('.word')[1]");
  browser_->wait_for("document.querySelectorAll('.word')[1].hasAttribute('aria-current')");
  browser_->type(keys::kTab);
  EXPECT_EQ(browser_->value("document.activeElement.getAttribute('aria-label')"), "Score over time");
  const auto before = browser_->value("document.activeElement.getAttribute('aria-valuenow')").get<std::string>();
  browser_->type("\xee\x80\x94");
  browser_->wait_for("document.activeElement.getAttribute('aria-valuenow') !== '" + before + "'");
  EXPECT_THAT(browser_->value("document.activeElement.getAttribute('aria-valuetext')").get<std::string>(),
              AllOf(HasSubstr("At "), HasSubstr(" to ")));
}

TEST_F(VideoPage, FitsAPhone) {
  browser_->set_phone(360, 740);
  choose("talk.webm");
  wait_until_scored();
  EXPECT_EQ(browser_->value("document.documentElement.scrollWidth <= 360 && window.innerWidth === 360"), true);
  EXPECT_EQ(browser_->value("[...document.querySelectorAll('button, input, video, #curve svg, progress')]"
                            ".filter((e) => e.getBoundingClientRect().right > 360).length"),
            0);
  browser_->keep_picture("video-phone");
}

TEST_F(VideoPage, AFileThatIsNoVideoOrTooLargeIsRefusedInWords) {
  std::ofstream(*folder_ / "no.webm") << "this is no video";
  choose("no.webm");
  browser_->wait_for("document.querySelector('#alert .message') !== null");
  EXPECT_THAT(browser_->text("#alert"), AllOf(HasSubstr("video"), Not(HasSubstr("/tmp"))));
  {
    std::ofstream large(*folder_ / "large.webm");
    large.seekp(20 << 20);
    large << "x";
  }
  choose("large.webm");
  browser_->wait_for("document.getElementById('alert').textContent.includes('large.webm has 20.0 MB')");
}

// The last one: it looks at what all the others made the browser ask for.
TEST_F(VideoPage, NothingIsAskedOfAnybodyElse) {
  std::vector<std::string> foreign;
  for (const auto& url : browser_->requested_urls())
    if (!url.starts_with("http://127.0.0.1:") && !url.starts_with("data:") && !url.starts_with("about:") &&
        !url.starts_with("blob:http://127.0.0.1:"))
      foreign.push_back(url);
  EXPECT_THAT(foreign, IsEmpty());
  EXPECT_THAT(browser_->console(), Each(AllOf(Not(HasSubstr("Content Security Policy")), Not(HasSubstr("Uncaught")))));
}

}  // namespace
}  // namespace kuda::test

// A sketch encoder that tfsbir exported for LiteRT, on Android. See examples/README.md.
//
// Not compiled and not run by this project's tests; written after LiteRT's documentation of `CompiledModel`
// (https://ai.google.dev/edge/litert/next/android_kotlin).
//
// In build.gradle.kts:  implementation("com.google.ai.edge.litert:litert:2.3.0")
// In assets/model:      sketch_encoder.tflite, preprocessing.json and encoder.json, from `python -m export.litert`
// In assets/gallery:    embeddings.bin and names.json, from `python -m export.page`

package com.example.sketches

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.PointF
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONArray
import org.json.JSONObject

/** Turns drawings into embeddings. Not for several threads at once; close it when it is no longer used. */
class SketchEncoder(context: Context, folder: String = "model") : AutoCloseable {
  private val preprocessing = readJson(context, "$folder/preprocessing.json")
  private val description = readJson(context, "$folder/encoder.json")
  private val details = description.optJSONObject("models")?.optJSONObject(MODEL_FILE) ?: JSONObject()

  /** Side of the model's input, and of the canvas that it is cut out of, in px. */
  val imageSize: Int = preprocessing.getInt("image_size")
  val canvasSize: Int = preprocessing.getInt("canvas_size")
  val embeddingDim: Int = preprocessing.getInt("embedding_dim")

  /** Identity of the trained encoder; a gallery has that of its own. */
  val fingerprint: String = description.getString("fingerprint")

  /** Width of lines in the pictures that it was trained on, in px of the canvas. */
  val lineWidth: Float = details.optDouble("line_width", canvasSize / 128.0).toFloat()

  init {
    require(description.getString("kind") == "litert") { "`kind` in encoder.json must be litert" }
    for ((key, wanted) in listOf("interface" to "float32", "preprocessing" to "outside")) {
      val found = details.optString(key, wanted)
      require(found == wanted) { "`$key` in encoder.json must be $wanted. Received: $found" }
    }
    require(preprocessing.getString("polarity") == "black_on_white") { "`polarity` must be black_on_white" }
  }

  private val model =
    CompiledModel.create(context.assets, "$folder/$MODEL_FILE", CompiledModel.Options(Accelerator.CPU))
  private val inputs = model.createInputBuffers()
  private val outputs = model.createOutputBuffers()

  /** Draws strokes, in any unit and place, as the training sketches are drawn: fitted, centred, black on white. */
  fun draw(strokes: List<List<PointF>>): Bitmap {
    val bitmap = Bitmap.createBitmap(canvasSize, canvasSize, Bitmap.Config.ARGB_8888)
    val canvas = Canvas(bitmap)
    canvas.drawColor(Color.WHITE)
    val points = strokes.flatten()
    if (points.isEmpty()) return bitmap
    val left = points.minOf { it.x }
    val right = points.maxOf { it.x }
    val top = points.minOf { it.y }
    val bottom = points.maxOf { it.y }
    val extent = maxOf(right - left, bottom - top).let { if (it > 0f) it else 1f }
    val scale = (canvasSize - 2 * canvasSize / 16) / extent
    // A pixel's centre is half a pixel from where a canvas begins it, so the middle of the canvas is size / 2.
    fun x(point: PointF) = (point.x - (left + right) / 2) * scale + canvasSize / 2f
    fun y(point: PointF) = (point.y - (top + bottom) / 2) * scale + canvasSize / 2f
    val pen =
      Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = Color.BLACK
        strokeWidth = lineWidth
        strokeCap = Paint.Cap.ROUND
      }
    for (stroke in strokes) {
      if (stroke.size == 1) canvas.drawPoint(x(stroke[0]), y(stroke[0]), pen)
      stroke.zipWithNext { from, to -> canvas.drawLine(x(from), y(from), x(to), y(to), pen) }
    }
    return bitmap
  }

  /**
   * Encodes a drawing, black on white.
   *
   * @param drawing Opaque and of [canvasSize] x [canvasSize] px, as [draw] makes it.
   * @return Its embedding, [embeddingDim] values.
   */
  fun encode(drawing: Bitmap): FloatArray {
    require(drawing.width == canvasSize && drawing.height == canvasSize) {
      "`drawing` must be $canvasSize x $canvasSize. Received: ${drawing.width} x ${drawing.height}"
    }
    val offset = (canvasSize - imageSize) / 2
    val pixels = IntArray(imageSize * imageSize)
    drawing.getPixels(pixels, 0, imageSize, offset, offset, imageSize, imageSize)
    // ITU-R 601-2 luma in whole numbers, then 0..255 to [-1, 1].
    val image =
      FloatArray(pixels.size) {
        val pixel = pixels[it]
        val sum = 19595 * Color.red(pixel) + 38470 * Color.green(pixel) + 7471 * Color.blue(pixel)
        ((sum + 32768) shr 16) / 127.5f - 1f
      }
    inputs[0].writeFloat(image)
    model.run(inputs, outputs)
    val embedding = outputs[0].readFloat()
    check(embedding.size == embeddingDim) {
      "the model must give $embeddingDim values, as preprocessing.json says. Received: ${embedding.size}"
    }
    return embedding
  }

  override fun close() {
    (inputs + outputs).forEach { it.close() }
    model.close()
  }

  private companion object {
    const val MODEL_FILE = "sketch_encoder.tflite"
  }
}

/** The photos that a sketch can find: their embeddings and names. */
class PhotoGallery(context: Context, encoder: SketchEncoder, folder: String = "gallery") {
  private val record = readJson(context, "$folder/names.json")
  private val dim = record.getInt("dim")
  val names: List<String> = record.getJSONArray("names").let { all: JSONArray -> List(all.length(), all::getString) }
  private val embeddings: FloatArray

  init {
    require(record.getString("fingerprint") == encoder.fingerprint && dim == encoder.embeddingDim) {
      "the gallery must be made by the encoder of this app, ${encoder.fingerprint}"
    }
    val bytes = context.assets.open("$folder/embeddings.bin").use { it.readBytes() }
    require(bytes.size == 4 * dim * names.size) {
      "embeddings.bin must have ${4 * dim * names.size} bytes. Received: ${bytes.size}"
    }
    embeddings = FloatArray(dim * names.size)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(embeddings)
  }

  /** Returns the [count] nearest photos as (index in [names], squared distance); ties keep the order of [names]. */
  fun nearest(embedding: FloatArray, count: Int): List<Pair<Int, Float>> {
    require(embedding.size == dim) { "`embedding` must have $dim values. Received: ${embedding.size}" }
    return names.indices
      .map { photo ->
        var sum = 0.0
        for (i in 0 until dim) {
          val difference = embeddings[photo * dim + i].toDouble() - embedding[i]
          sum += difference * difference
        }
        photo to sum.toFloat()
      }
      .sortedBy { it.second } // Stable.
      .take(count)
  }
}

private fun readJson(context: Context, path: String): JSONObject =
  JSONObject(context.assets.open(path).bufferedReader().use { it.readText() })

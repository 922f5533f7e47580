package javax.annotation;

/** Of the annotations that the generated code uses, the one that the generator's jar has not. */
public @interface Generated {
    String[] value();

    String date() default "";

    String comments() default "";
}
